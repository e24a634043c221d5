// SPDX-License-Identifier: GPL-2.0-or-later
// The panel beside the picture: facts, plots, tables, actions.
"use strict";

// ---- plots ----

function plot(title, format, ...series) {
	const area = sv("path", { class: "fill" }), lines = series.map((s, i) => sv("path", { class: i ? "second" : "first" }));
	const now = el("span"), top = el("span", { class: "dim" });
	const svg = sv("svg", { class: "plot", viewBox: "0 0 300 54", preserveAspectRatio: "none", role: "img" }, area, ...lines);
	const head = el("span", {}, title);
	const e = el("figure", {}, el("figcaption", {}, head, now, top), svg);

	return { e, update(key) {
		const h = history.get(key) || {}, all = series.map((s) => h[s.of] || []);
		const span = Math.max(60, all[0].length);
		const high = Math.max(series[0].least || 0, ...all.flat(), 1e-9);
		const texts = series.map((s, i) => `${s.name ? s.name + " " : ""}${format(all[i].at(-1) || 0)}`);

		all.forEach((values, i) => {
			const x = (k) => 300 - (values.length - 1 - k) * 300 / span, y = (v) => 52 - 50 * v / high;
			const path = values.map((v, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`).join("");

			setAttr(lines[i], "d", path);
			if (!i)
				setAttr(area, "d", values.length ? `${path}V54H${x(0)}Z` : "");
		});
		now.replaceChildren(...series.map((s, i) => el("span", { class: series.length > 1 ? `key-${i + 1}` : "" }, (i ? " \u00a0" : "") + texts[i])));
		setText(top, `max ${format(Math.max(0, ...all.flat()))}`);
		setAttr(svg, "aria-label", `${title} of the last ${Math.round(all[0].length / 60) || 1} min: now ${texts.join(", ")}, highest ${format(high)}`);
	} };
}

// ---- tables, lists of facts ----

// rows: [key, cell...]; a cell is text, or { text, go } for a button.
function table(...heads) {
	const body = el("tbody"), rows = new Map();
	const e = el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((h) => el("th", { class: h.startsWith("#") ? "n" : "", scope: "col" }, h.replace("#", ""))))), body);

	return { e, update(list) {
		const keys = list.map((r) => r[0]);

		for (const [key, tr] of rows)
			if (!keys.includes(key)) {
				tr.remove();
				rows.delete(key);
			}
		list.forEach(([key, ...cells], at) => {
			let tr = rows.get(key);

			if (!tr) {
				tr = el("tr", {}, ...cells.map((c, i) => el("td", { class: heads[i].startsWith("#") ? "n" : "" })));
				rows.set(key, tr);
			}
			if (body.children[at] !== tr)
				body.insertBefore(tr, body.children[at] || null);
			cells.forEach((c, i) => {
				const td = tr.children[i];

				if (c instanceof Node) {
					if (td.firstChild !== c)
						td.replaceChildren(c);
				} else if (typeof c === "object") {
					if (!td.firstChild)
						td.append(el("button", { class: "plain", onclick: c.go }));
					setText(td.firstChild, c.text);
				} else {
					setText(td, c);
				}
				if (c.state)
					td.className = `state ${c.state}`;
			});
		});
	} };
}

function facts() {
	const e = el("dl"), rows = new Map();

	return { e, update(list) {
		const wanted = list.filter((f) => f[1] !== "" && f[1] !== undefined && f[1] !== null);

		for (const [key, pair] of rows)
			if (!wanted.some((f) => f[0] === key)) {
				pair[0].remove();
				pair[1].remove();
				rows.delete(key);
			}
		for (const [key, text] of wanted) {
			if (!rows.has(key)) {
				rows.set(key, [el("dt", {}, key), el("dd")]);
				e.append(...rows.get(key));
			}
			setText(rows.get(key)[1], text);
		}
	} };
}

// ---- requests ----

let live = null;
let lastId = 0;
const open = new Map();

function ask(request, done) {
	if (!live || live.readyState !== WebSocket.OPEN) {
		note("not connected", true);
		return;
	}
	open.set(++lastId, { request, done });
	live.send(JSON.stringify({ id: lastId, ...request }));
}

function answered(m) {
	const { request, done } = open.get(m.id) || {};

	open.delete(m.id);
	if (m.error)
		note(`${request ? request.op + " " + (request.machine || request.switch || "") : ""}: ${m.error}`, true);
	done?.(m);
}

// What cannot be taken back is asked for twice.
function button(text, go, twice) {
	const b = el("button", { type: "button" }, text);
	let sure = null;

	b.addEventListener("click", () => {
		if (twice && !sure) {
			b.textContent = "Really?";
			b.classList.add("sure");
			sure = setTimeout(() => {
				sure = null;
				b.textContent = text;
				b.classList.remove("sure");
			}, 3000);
			return;
		}
		clearTimeout(sure);
		sure = null;
		b.textContent = text;
		b.classList.remove("sure");
		go(b);
	});
	return b;
}

function action(text, op, name, twice) {
	return button(text, (b) => {
		b.dataset.busy = "1";
		b.disabled = true;
		ask({ op, machine: name }, () => delete b.dataset.busy);
	}, twice);
}

// ---- captures ----

function captureList(switchName) {
	const t = table("Capture", "#Size", ""), e = el("div", {}, t.e), made = new Map();

	return { e, update() {
		const list = world.captures.filter((c) => c.switch === switchName);

		e.hidden = !list.length;
		t.update(list.map((c) => {
			if (!made.has(c.number)) {
				made.set(c.number, { stop: button("Stop", () => ask({ op: "capture-stop", number: c.number })),
					get: el("a", { href: `capture/${c.number}.pcapng`, download: `${c.switch}${c.port ? "-" + c.port : ""}-${c.number}.pcapng` }, "Download"),
					remove: button("Remove", () => ask({ op: "capture-remove", number: c.number })) });
				made.get(c.number).box = el("div", { class: "buttons" }, ...Object.values(made.get(c.number)));
			}
			const m = made.get(c.number);

			m.stop.hidden = !c.running;
			m.get.hidden = c.running || !c.bytes;
			return [c.number, `${c.port || "all ports"}${c.error ? `: ${c.error}` : c.running ? "" : ", ended"}`, bytes(c.bytes), m.box];
		}));
	} };
}

// ---- the panel ----

let panel = null;

function overview() {
	const machines = table("Machine", "State", "#CPU", "#Memory"), nets = table("Network", "#Ports", "#Traffic");
	const head = el("h2"), e = el("div", {}, head, el("h3", {}, "Machines"), machines.e, el("h3", {}, "Networks"), nets.e,
		el("p", { class: "dim" }, "Choose a machine, a network or a link for more. Shift and arrow keys, or the mouse, move things; +, \u2212, 0 and the wheel zoom."));

	return { e, update() {
		setText(head, lab ? `Lab ${lab}` : "All machines and networks");
		machines.update([...world.machines.values()].filter(inLab).map((m) => ["m/" + m.name, { text: lab ? shortOf(m) : m.name, go: () => select("m/" + m.name, true) },
			stateOf(m), m.use ? percent(m.cpu) : "\u2013", m.mem ? `${Math.round(m.mem_used / 1048576)} / ${Math.round(m.mem / 1048576)} MiB` : "\u2013"]));
		nets.update([...world.switches.values()].filter(inLab).map((s) => ["s/" + s.name, { text: lab ? shortOf(s) : s.name, go: () => select("s/" + s.name, true) },
			s.state === "running" ? String((s.ports || []).length) : s.state,
			bits((history.get("s/" + s.name)?.all || [0]).at(-1))]));
	} };
}

function machineFacts(m) {
	const command = m.init || (m.command || []).join(" ");
	const ports = (m.cards || []).flatMap((c) => c.publish || []).map((p) => `${p.address && p.address !== "0.0.0.0" && p.address !== "::" ? p.address + ":" : ""}${p.host} \u2192 ${p.guest}${p.proto === "udp" ? "/udp" : ""}`);

	return [["Up", m.use ? age(m.use.uptime_ms / 1000) : m.started ? age(Date.now() / 1000 - m.started) : ""],
		["Ended with", m.status === undefined ? "" : `status ${m.status}`],
		["CPUs", m.cpus === undefined ? "" : String(m.cpus)],
		["Memory", m.mem ? `${bytes(m.mem_used)} of ${bytes(m.mem)}` : ""],
		["Disk", m.use ? `reads ${bytes(m.diskIn)}/s, writes ${bytes(m.diskOut)}/s` : ""],
		["Processes", m.use && m.use.spaces !== undefined ? count(m.use.spaces) : ""],
		["Kernel", m.kernel], ["Root", m.root], ["Command", cut(command, 200)],
		["Ports", [...new Set(ports)].join(", ")],
		["Restarts", m.restarts ? String(m.restarts) : ""],
		["Host's PID", m.pid ? String(m.pid) : ""]];
}

function machineView(name) {
	const state = el("span"), f = facts(), cards = table("Card", "Network", "Address", "#Sends", "#Receives");
	const cpu = plot("Processor", percent, { of: "cpu", least: 5 }), mem = plot("Memory used", bytes, { of: "mem", least: 1 << 20 });
	const net = plot("Network", bits, { of: "in", name: "in", least: 125 }, { of: "out", name: "out" });
	const b = { shell: button("Shell", () => openTerm("shell", name)), console: button("Console", () => openTerm("console", name)),
		log: button("Log", () => openTerm("log", name)), pause: action("Pause", "pause", name), resume: action("Resume", "resume", name),
		restart: action("Restart", "restart", name, true), stop: action("Stop", "stop", name, true), end: action("End at once", "end", name, true),
		start: action("Start", "start", name) };
	const plots = el("div", {}, el("h3", {}, "The last minutes"), cpu.e, mem.e, net.e);
	const e = el("div", {}, back(), el("h2", {}, name), state, el("div", { class: "buttons" }, ...Object.values(b)), f.e,
		el("h3", {}, "Network cards"), cards.e, plots);

	return { e, update() {
		const m = world.machines.get(name);

		if (!m)
			return false;
		const s = stateOf(m), runs = m.state === "running" || m.state === "paused", there = !["ended", "not running", "killed"].includes(m.state);
		const show = { shell: m.state === "running", console: there, log: m.kept, pause: world.pause && m.state === "running",
			resume: world.pause && m.state === "paused", restart: runs && m.startable, stop: there, end: there, start: !there && m.startable };

		setText(state, s === "failed" && m.state === "running" ? "failed: something of its start in the lab did" : s);
		state.className = `state ${classOf(m)}`;
		for (const [key, on] of Object.entries(show)) {
			b[key].hidden = !on;
			b[key].disabled = Boolean(b[key].dataset.busy);
		}
		f.update(machineFacts(m));
		cards.update((m.cards || m.lab_cards || []).map((c, i) => {
			const l = [...world.links.values()].find((x) => x.machine === m && x.card === c), where = c.switch || c.network;

			return [String(i), `eth${i}`, l ? { text: shortOf(l.sw), go: () => select(l.id, true) } : where || cut(String(c.net || "nat").split(",")[0], 40), (c.addresses || []).join(", ") || "\u2013",
				l && l.port ? bits(l.tx) : "\u2013", l && l.port ? bits(l.rx) : "\u2013"];
		}));
		plots.hidden = !m.use;
		for (const p of [cpu, mem, net])
			p.update("m/" + name);
		return true;
	} };
}

function switchView(name) {
	const state = el("span"), f = facts(), ports = table("Port", "#Sends", "#Receives", "#Packets", "#Dropped"), captures = captureList(name);
	const traffic = plot("Traffic", bits, { of: "all", least: 125 });
	const all = button("Capture all ports", () => ask({ op: "capture", switch: name }, (m) => m.ok && note("a capture has begun")));
	const e = el("div", {}, back(), el("h2", {}, name), state, el("div", { class: "buttons" }, all), captures.e, f.e, el("h3", {}, "Ports"), ports.e,
		el("h3", {}, "The last minutes"), traffic.e);

	return { e, update() {
		const s = world.switches.get(name);

		if (!s)
			return false;
		setText(state, s.state);
		state.className = `state ${classOf(s)}`;
		all.disabled = s.state !== "running";
		captures.update();
		f.update([["MTU", s.mtu === undefined ? "" : String(s.mtu)], ["Captures", s.captures ? String(s.captures) : ""], ["Host's PID", s.pid ? String(s.pid) : ""]]);
		ports.update([...world.links.values()].filter((l) => l.sw === s && l.port).map((l) => [l.id, { text: l.port.name, go: () => select(l.id, true) },
			bits(l.tx), bits(l.rx), count((l.port.tx?.packets || 0) + (l.port.rx?.packets || 0)), count(dropped(l.port.tx) + dropped(l.port.rx))]));
		traffic.update("s/" + name);
		return true;
	} };
}

function dropped(d) {
	return d ? Object.values(d.dropped || {}).reduce((n, v) => n + v, 0) + (d.lost || 0) + (d.cable_full || 0) : 0;
}

function cableText(c) {
	const words = [["delay_ms", "delay", "ms"], ["jitter_ms", "jitter", "ms"], ["loss", "loss", "%"], ["duplicate", "duplicates", "%"], ["reorder", "reordered", "%"]]
		.filter(([key]) => c && c[key] > 0).map(([key, text, unit]) => `${text} ${+c[key].toFixed(2)} ${unit}`);

	if (c && c.rate > 0)
		words.push(`at most ${bits(c.rate / 8)}`);
	return words.join(", ") || "as it is";
}

function linkView(id) {
	const title = el("h2"), f = facts(), counters = table("", "#Sent", "#Received"), traffic = plot("Traffic", bits, { of: "tx", name: "sends", least: 125 }, { of: "rx", name: "receives" });
	const first = world.links.get(id), captures = captureList(first ? first.sw.name : "");
	const capture = button("Capture this link", () => {
		const l = world.links.get(id);

		ask({ op: "capture", switch: l.sw.name, port: l.port.name }, (m) => m.ok && note("a capture has begun"));
	});
	const e = el("div", {}, back(), title, el("div", { class: "buttons" }, capture), captures.e, f.e, el("h3", {}, "Counters, as the member sees them"), counters.e,
		el("h3", {}, "The last minutes"), traffic.e);

	return { e, update() {
		const l = world.links.get(id), p = l && l.port;

		if (!l)
			return false;
		setText(title, `${l.machine ? shortOf(l.machine) : p.name} \u2013 ${shortOf(l.sw)}`);
		capture.disabled = !p;
		captures.update();
		f.update([["Machine", l.machine ? l.machine.name : ""], ["Network", l.sw.name], ["Address", l.card ? (l.card.addresses || []).join(", ") : ""], ["MAC", p ? p.mac : ""],
			["VLAN", p && p.vlan && p.vlan !== 1 ? String(p.vlan) : ""], ["Trunk", p ? p.trunk : ""],
			["Cable, sending", p ? cableText(p.cable?.tx) : "not connected"], ["Cable, receiving", p ? cableText(p.cable?.rx) : ""]]);
		counters.update(p ? [["bytes", "Bytes"], ["packets", "Packets"], ["frames", "Frames"], ["lost", "Lost by the cable"], ["duplicated", "Duplicated"],
			["reordered", "Reordered"], ["cable_full", "Cable full"]].map(([key, text]) => [key, text, count(p.tx?.[key]), count(p.rx?.[key])])
			.concat([["dropped", "Dropped by the switch", count(Object.values(p.tx?.dropped || {}).reduce((n, v) => n + v, 0)), count(Object.values(p.rx?.dropped || {}).reduce((n, v) => n + v, 0))]]) : []);
		traffic.update(id);
		return true;
	} };
}

function back() {
	return el("button", { type: "button", class: "plain", onclick: () => select(null, true) }, "\u2190 all");
}

function select(key, focus) {
	const link = key && key[0] === "u" ? [...world.links.values()].find((l) => l.from === key) : null;

	chosen = link ? link.id : key;
	panel = !chosen ? overview() : world.links.has(chosen) ? linkView(chosen) : chosen[0] === "m" ? machineView(chosen.slice(2)) : switchView(chosen.slice(2));
	$("panel").replaceChildren(panel.e);
	$("panel").scrollTop = 0;
	refresh();
	if (focus)
		$("panel").focus({ preventScroll: true });
}

document.addEventListener("keydown", (e) => {
	if (e.key === "Escape" && chosen && !$("dock").contains(e.target)) {
		const d = drawn.get(chosen);

		select(null);
		d?.g.focus();
	}
});
