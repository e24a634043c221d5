// SPDX-License-Identifier: GPL-2.0-or-later
// The page of ring3 web. What guests say is text, never markup: it only ever gets into text nodes
// and attributes that are text. One message a second has all there is; from it the picture, the
// panel and the plots are brought up to date.
"use strict";

// ---- all together ----

function refresh() {
	const machines = [...world.machines.values()].filter(inLab), running = machines.filter((m) => m.state === "running").length;
	const nets = [...world.switches.values()].filter(inLab), all = [...world.links.values()].filter((l) => inLab(l.sw)).reduce((n, l) => n + l.tx, 0);

	draw();
	if (panel.update() === false)
		select(null);
	setText($("summary"), `${running} of ${machines.length} machine${machines.length === 1 ? " runs" : "s run"} \u00b7 ${nets.length} network${nets.length === 1 ? "" : "s"} \u00b7 ${bits(all)}`);
}

let delay = 1000;

function connect() {
	live = socketAt("live", "ring3-live");
	live.onopen = () => {
		delay = 1000;
		$("link").className = "";
		setText($("link"), "live");
	};
	live.onmessage = (e) => {
		const m = JSON.parse(e.data);

		if (m.id !== undefined) {
			answered(m);
			return;
		}
		if (!m.state || !m.state.machines)
			return;
		world = normalize(m);
		before = world;
		showLabs();
		rememberAll();
		refresh();
	};
	live.onclose = () => {
		$("link").className = "lost";
		setText($("link"), "not connected; if \u201cring3 web\u201d has ended, start it again and open its new address");
		open.clear();
		setTimeout(connect, delay);
		delay = Math.min(delay * 2, 15000);
	};
}

select(null);
connect();
