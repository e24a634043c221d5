// SPDX-License-Identifier: GPL-2.0-or-later
// The picture: where things are, and how they are drawn.
"use strict";

// ---- where things are in the picture ----

const BOX = new Map([["m", [158, 48]], ["s", [104, 34]], ["u", [84, 30]]]);
const LENGTH = 290, SHORT = 190, MANY = 12;	// with many things a link has a shorter text
let dense = false;
const places = new Map();	// key -> { x, y, held }
let shape = "";

function distances(keys, near) {
	return keys.map((from) => {
		const d = new Map([[from, 0]]), queue = [from];

		for (let i = 0; i < queue.length; i++)
			for (const next of near.get(queue[i]))
				if (!d.has(next)) {
					d.set(next, d.get(queue[i]) + 1);
					queue.push(next);
				}
		return d;
	});
}

// Stress majorization: every two things as far from each other as there are links between them.
function relax(keys, dist, at) {
	const want = (d) => (dense ? SHORT : LENGTH) * Math.pow(d, 0.92);

	if (keys.length < 2)
		return;

	for (let round = 0; round < 250; round++)
		for (let i = 0; i < keys.length; i++) {
			let x = 0, y = 0, weight = 0;

			if (at[i].held)
				continue;
			for (let k = 0; k < keys.length; k++) {
				if (k === i)
					continue;
				const d = want(dist[i].get(keys[k])), w = 1 / (d * d);
				const dx = at[i].x - at[k].x, dy = at[i].y - at[k].y, now = Math.hypot(dx, dy) || 1;

				x += w * (at[k].x + dx / now * d);
				y += w * (at[k].y + dy / now * d);
				weight += w;
			}
			at[i].x = x / weight;
			at[i].y = y / weight;
		}
}

// The longest extent lies flat, since windows are wide.
function flatten(at) {
	const n = at.length, mx = at.reduce((s, p) => s + p.x, 0) / n, my = at.reduce((s, p) => s + p.y, 0) / n;
	let xx = 0, yy = 0, xy = 0;

	for (const p of at) {
		xx += (p.x - mx) ** 2;
		yy += (p.y - my) ** 2;
		xy += (p.x - mx) * (p.y - my);
	}
	const turn = -Math.atan2(2 * xy, xx - yy) / 2, c = Math.cos(turn), s = Math.sin(turn);

	for (const p of at) {
		const x = p.x - mx, y = p.y - my;

		p.x = x * c - y * s;
		p.y = x * s + y * c;
	}
}

function spread(keys, at) {
	for (let round = 0; round < 60; round++) {
		let moved = false;

		for (let i = 0; i < at.length; i++)
			for (let k = i + 1; k < at.length; k++) {
				const a = BOX.get(keys[i][0]), b = BOX.get(keys[k][0]);
				const w = (a[0] + b[0]) / 2 + 24, h = (a[1] + b[1]) / 2 + 26;
				const dx = at[k].x - at[i].x, dy = at[k].y - at[i].y, ox = w - Math.abs(dx), oy = h - Math.abs(dy);

				if (ox <= 0 || oy <= 0)
					continue;
				moved = true;
				if (oy < ox) {
					at[i].y -= Math.sign(dy || 1) * oy / 2;
					at[k].y += Math.sign(dy || 1) * oy / 2;
				} else {
					at[i].x -= Math.sign(dx || 1) * ox / 2;
					at[k].x += Math.sign(dx || 1) * ox / 2;
				}
			}
		if (!moved)
			break;
	}
}

function parts(keys, near) {
	const left = new Set(keys), all = [];

	for (const key of keys) {
		if (!left.delete(key))
			continue;
		const part = [key];

		for (let i = 0; i < part.length; i++)
			for (const next of near.get(part[i]))
				if (left.delete(next))
					part.push(next);
		all.push(part);
	}
	return all.sort((a, b) => b.length - a.length);
}

function extent(keys) {
	let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;

	for (const key of keys) {
		const p = places.get(key), [w, h] = BOX.get(key[0]);

		x0 = Math.min(x0, p.x - w / 2);
		x1 = Math.max(x1, p.x + w / 2);
		y0 = Math.min(y0, p.y - h / 2);
		y1 = Math.max(y1, p.y + h / 2);
	}
	return { x0, y0, x1, y1 };
}

function layout(keys, links) {
	const near = new Map(keys.map((k) => [k, new Set()])), groups = [];

	for (const l of links) {
		near.get(l.from)?.add(l.to);
		near.get(l.to)?.add(l.from);
	}
	for (const part of parts(keys, near)) {
		const dist = distances(part, near);
		const at = part.map((k, i) => ({ x: 200 * Math.cos(i * 2.4) * Math.sqrt(i + 1), y: 150 * Math.sin(i * 2.4) * Math.sqrt(i + 1) }));

		relax(part, dist, at);
		flatten(at);
		spread(part, at);
		part.forEach((k, i) => places.set(k, at[i]));
		groups.push({ part, box: extent(part) });
	}
	// Parts that are not connected: in rows, about as wide as a window.
	const area = groups.reduce((s, g) => s + (g.box.x1 - g.box.x0 + 60) * (g.box.y1 - g.box.y0 + 70), 0);
	const width = Math.max(Math.sqrt(area * 2.2), ...groups.map((g) => g.box.x1 - g.box.x0));
	let x = 0, y = 0, high = 0;

	for (const g of groups) {
		const w = g.box.x1 - g.box.x0, h = g.box.y1 - g.box.y0;

		if (x && x + w > width + 1) {
			x = 0;
			y += high + 70;
			high = 0;
		}
		for (const k of g.part) {
			places.get(k).x += x - g.box.x0;
			places.get(k).y += y - g.box.y0;
		}
		x += w + 60;
		high = Math.max(high, h);
	}
}

function fit(keys) {
	if (!keys.length)
		return;
	const b = extent(keys), w = Math.max(b.x1 - b.x0 + 70, 720), h = Math.max(b.y1 - b.y0 + 90, 430);

	show({ x: (b.x0 + b.x1 - w) / 2, y: (b.y0 + b.y1 - h) / 2, w, h });
}

// Nearer or farther, around a point of the picture.
let view = null;

function show(v) {
	view = v;
	setAttr($("map"), "viewBox", `${v.x} ${v.y} ${v.w} ${v.h}`);
}

function zoom(by, x, y) {
	if (!view || view.w / by < 200 || view.w / by > 20000)
		return;
	x = x ?? view.x + view.w / 2;
	y = y ?? view.y + view.h / 2;
	show({ x: x - (x - view.x) / by, y: y - (y - view.y) / by, w: view.w / by, h: view.h / by });
}

$("map").addEventListener("wheel", (e) => {
	const at = new DOMPoint(e.clientX, e.clientY).matrixTransform($("map").getScreenCTM().inverse());

	e.preventDefault();
	zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15, at.x, at.y);
}, { passive: false });
$("map").addEventListener("keydown", (e) => {
	if (e.key === "+")
		zoom(1.2);
	else if (e.key === "-")
		zoom(1 / 1.2);
	else if (e.key === "0")
		fit([...drawn.keys()].filter((k) => places.has(k)));
});

// ---- the picture ----

const drawn = new Map();	// key -> { g, and what of it changes }
let chosen = null;

function pickable(g, key) {
	g.addEventListener("click", () => select(key));
	g.addEventListener("keydown", (e) => {
		const step = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[e.key], p = places.get(key);

		if (e.key === "Enter" || e.key === " ") {
			e.preventDefault();
			select(key, true);
		} else if (step && e.shiftKey && p) {
			e.preventDefault();
			p.x += step[0];
			p.y += step[1];
			draw();
		}
	});
}

function draggable(g, key) {
	let from = null;

	g.addEventListener("pointerdown", (e) => {
		from = { x: e.clientX, y: e.clientY };
		g.setPointerCapture(e.pointerId);
	});
	g.addEventListener("pointermove", (e) => {
		const scale = $("map").getScreenCTM().a, p = places.get(key);

		if (!from || Math.hypot(e.clientX - from.x, e.clientY - from.y) < 4)
			return;
		p.x += (e.clientX - from.x) / scale;
		p.y += (e.clientY - from.y) / scale;
		from = { x: e.clientX, y: e.clientY };
		draw();
	});
	for (const end of ["pointerup", "pointercancel"])
		g.addEventListener(end, () => {
			from = null;
		});
}

function newNode(key) {
	const [w, h] = BOX.get(key[0]), machine = key[0] === "m";
	const middle = machine ? 3 : 0;
	const name = sv("text", { class: "name", "text-anchor": "middle", x: middle, y: machine || key[0] === "s" ? -3 : 4 });
	const word = sv("tspan", { class: "word" }), more = sv("tspan");
	const sub = sv("text", { class: "sub", "text-anchor": "middle", x: middle, y: machine ? 15 : 11 }, word, more);
	const g = sv("g", { tabindex: 0, role: "button" },
		sv("rect", { class: "box", x: -w / 2, y: -h / 2, width: w, height: h, rx: machine ? 7 : h / 2 }),
		machine ? sv("rect", { class: "bar", x: -w / 2, y: -h / 2, width: 7, height: h, rx: 3 }) : null, name, sub);

	pickable(g, key);
	draggable(g, key);
	return { g, name, word, more };
}

function newWire(key) {
	const grip = sv("path", { class: "grip" }), line = sv("path", { class: "line" }), flow = sv("path", { class: "flow" });
	const address = sv("text", { "text-anchor": "middle", dy: -5 }), speed = sv("text", { class: "rate", "text-anchor": "middle", dy: 13 });
	const label = sv("g", {}, address, speed);
	const g = sv("g", { tabindex: 0, role: "button" }, line, flow, grip, label);

	pickable(g, key);
	return { g, grip, line, flow, label, address, speed };
}

function drawNode(key, thing) {
	const d = drawn.get(key), p = places.get(key), kind = key[0], ports = kind === "s" ? (thing.ports || []).length : 0;
	const state = kind === "m" ? stateOf(thing) : thing.state || "running";
	const live = kind === "m" && thing.use;
	let label = "";

	setAttr(d.g, "transform", `translate(${p.x.toFixed(1)} ${p.y.toFixed(1)})`);
	setText(d.name, cut(lab ? shortOf(thing) : kind === "u" ? thing.name : shortOf(thing), kind === "m" ? 16 : 13));
	if (kind === "m") {
		setText(d.word, state);
		setText(d.more, live ? ` \u00b7 ${percent(thing.cpu)} \u00b7 ${Math.round((thing.mem_used || 0) / 1048576)} MiB` : "");
		label = `machine ${thing.name}, ${state}${live ? `, processor ${percent(thing.cpu)}, memory ${bytes(thing.mem_used)}` : ""}`;
	} else if (kind === "s") {
		setText(d.word, "");
		setText(d.more, state === "running" ? `${ports} port${ports === 1 ? "" : "s"}` : state);
		label = `network ${thing.name}, ${state}, ${ports} ports`;
	} else {
		setText(d.more, "");
		label = `${thing.port.uplink ? "uplink" : "member"} ${thing.name} of network ${thing.sw.name}`;
	}
	setAttr(d.g, "aria-label", label);
	setAttr(d.g, "aria-pressed", chosen === key);
	setAttr(d.g, "class", `node ${{ m: "machine", s: "net", u: "uplink" }[kind]} ${kind === "m" ? classOf(thing) : ""} ${chosen === key ? "selected" : ""}`);
}

function wireClass(l) {
	const cables = l.port && l.port.cable ? [l.port.cable.rx, l.port.cable.tx] : [];

	return `wire ${l.port ? "" : "down"} ${l.tx + l.rx > 0 ? "" : "quiet"} ${cables.some((c) => c && c.loss >= 100) ? "cut" : ""} ${chosen === l.id ? "selected" : ""}`;
}

// Where the line from the middle of a box leaves it.
function edge(p, q, box) {
	const dx = q.x - p.x, dy = q.y - p.y, s = Math.min(box[0] / 2 / Math.abs(dx || 1e-9), box[1] / 2 / Math.abs(dy || 1e-9), 1);

	return { x: p.x + dx * s, y: p.y + dy * s };
}

function drawWire(l, n, of) {
	const d = drawn.get(l.id), a = places.get(l.from), b = places.get(l.to);
	const dx = b.x - a.x, dy = b.y - a.y, len = Math.hypot(dx, dy) || 1, bend = (n - (of - 1) / 2) * 44;
	const mid = { x: (a.x + b.x) / 2 - dy / len * bend, y: (a.y + b.y) / 2 + dx / len * bend };
	const from = edge(a, mid, BOX.get(l.from[0])), to = edge(b, mid, BOX.get(l.to[0]));
	const path = of > 1 ? `M${from.x.toFixed(1)} ${from.y.toFixed(1)}Q${mid.x.toFixed(1)} ${mid.y.toFixed(1)} ${to.x.toFixed(1)} ${to.y.toFixed(1)}` :
		`M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
	const bps = (l.tx + l.rx) * 8, width = 1.6 + (bps > 0 ? Math.min(7, 1.25 * Math.log10(1 + bps / 500)) : 0);
	let turn = Math.atan2(dy, dx) * 180 / Math.PI;
	const upright = turn > 90 || turn <= -90;
	const middle = of > 1 ? { x: (from.x + to.x + 2 * mid.x) / 4, y: (from.y + to.y + 2 * mid.y) / 4 } : { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
	const address = l.card && l.card.addresses && l.card.addresses[0] ? l.card.addresses[0] : "";
	const forward = upright ? ["\u2192", "\u2190"] : ["\u2190", "\u2192"];

	if (upright)
		turn += 180;
	for (const e of [d.line, d.flow, d.grip])
		setAttr(e, "d", path);
	setAttr(d.line, "stroke-width", width.toFixed(1));
	setAttr(d.flow, "stroke-width", Math.max(1.4, width * 0.55).toFixed(1));
	setAttr(d.label, "transform", `translate(${middle.x.toFixed(1)} ${middle.y.toFixed(1)}) rotate(${turn.toFixed(1)})`);
	setAttr(d.address, "dy", (-4 - width / 2).toFixed(1));
	setAttr(d.speed, "dy", (11 + width / 2).toFixed(1));
	setText(d.address, dense ? cut(address.replace(/\/.*/, ""), 15) : cut(address, 20));
	setText(d.speed, bps > 0 ? dense ? bits(l.tx + l.rx) : `${forward[0]} ${bits(l.rx)}  ${forward[1]} ${bits(l.tx)}` : "");
	setAttr(d.g, "class", wireClass(l));
	setAttr(d.g, "aria-label", `link of ${l.machine ? l.machine.name : l.port.name} to ${l.sw.name}${address ? `, ${address}` : ""}, ` +
		(l.port ? `sends ${bits(l.tx)}, receives ${bits(l.rx)}` : "not connected"));
	setAttr(d.g, "aria-pressed", chosen === l.id);
}

function draw() {
	const nodes = new Map(), links = [], pairs = new Map(), seen = new Map();

	for (const m of world.machines.values())
		if (inLab(m))
			nodes.set("m/" + m.name, m);
	for (const s of world.switches.values())
		if (inLab(s))
			nodes.set("s/" + s.name, s);
	for (const [key, u] of world.uplinks)
		if (inLab(u))
			nodes.set(key, u);
	for (const l of world.links.values())
		if (nodes.has(l.from) && nodes.has(l.to))
			links.push(l);
	const now = [...nodes.keys(), "", ...links.map((l) => l.from + l.to)].sort().join("\n");

	if (now !== shape) {
		shape = now;
		dense = nodes.size > MANY;
		layout([...nodes.keys()], links);
		fit([...nodes.keys()]);
	}
	const used = new Set([...nodes.keys(), ...links.map((l) => l.id)]);

	for (const [key, d] of drawn)
		if (!used.has(key)) {
			d.g.remove();
			drawn.delete(key);
			places.delete(key);
		}
	for (const l of links) {
		if (!drawn.has(l.id)) {
			drawn.set(l.id, newWire(l.id));
			$("map").prepend(drawn.get(l.id).g);
		}
		pairs.set(l.from + l.to, (pairs.get(l.from + l.to) || 0) + 1);
	}
	for (const l of links) {
		const n = seen.get(l.from + l.to) || 0;

		seen.set(l.from + l.to, n + 1);
		drawWire(l, n, pairs.get(l.from + l.to));
	}
	for (const [key, thing] of nodes) {
		if (!drawn.has(key)) {
			drawn.set(key, newNode(key));
			$("map").append(drawn.get(key).g);
		}
		drawNode(key, thing);
	}
	$("empty").hidden = nodes.size > 0;
}
