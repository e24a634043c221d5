// SPDX-License-Identifier: GPL-2.0-or-later
// The page of ring3 web. What guests say is text, never markup: it only ever gets into text nodes
// and attributes that are text. One message a second has all there is; from it the picture, the
// panel and the plots are brought up to date.
"use strict";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const KEEP = 300;		// samples of a plot, a second each
const base = location.pathname.replace(/[^/]*$/, "");
const socketAt = (path, protocol) => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}${path}`, protocol);

// ---- elements ----

function fill(e, props, children) {
	for (const [key, value] of Object.entries(props || {})) {
		if (key === "class")
			e.setAttribute("class", value);
		else if (key.startsWith("on"))
			e.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			e.setAttribute(key, value === true ? "" : value);
	}
	for (const child of children)
		if (child !== null && child !== undefined)
			e.append(child);
	return e;
}

const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
const sv = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

function setText(e, text) {
	if (e.textContent !== text)
		e.textContent = text;
}

function setAttr(e, key, value) {
	if (e.getAttribute(key) !== String(value))
		e.setAttribute(key, value);
}

function note(text, bad) {
	const p = el("p", { class: bad ? "bad" : "" }, text);

	$("notes").append(p);
	while ($("notes").children.length > 4)
		$("notes").firstChild.remove();
	setTimeout(() => p.remove(), bad ? 12000 : 5000);
}

// ---- numbers as people read them ----

function scaled(n, units, step) {
	let i = 0;

	for (; n >= step && i < units.length - 1; i++)
		n /= step;
	return `${n < 10 && i ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

const bytes = (n) => scaled(n || 0, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
const bits = (n) => scaled((n || 0) * 8, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"], 1000);
const percent = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} %`;
const count = (n) => (n || 0).toLocaleString("en").replaceAll(",", "\u202f");

function age(seconds) {
	const s = Math.max(0, Math.round(seconds)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);

	return d ? `${d} d ${h % 24} h` : h ? `${h} h ${m % 60} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}

// A name in its lab's words.
function shortOf(thing) {
	return thing.lab && thing.name.startsWith(thing.lab + ".") ? thing.name.slice(thing.lab.length + 1) : thing.name;
}

function cut(text, n) {
	return text.length > n ? text.slice(0, n - 1) + "\u2026" : text;
}

// ---- all there is ----

const CLASSES = new Map([["running", "running"], ["booting", "starting"], ["rebooting", "starting"], ["ending", "starting"],
	["paused", "paused"], ["held", "paused"], ["silent", "failed"], ["failed", "failed"]]);

let world = { machines: new Map(), switches: new Map(), uplinks: new Map(), links: new Map(), labs: [], captures: [], pause: false };
let before = null;
const history = new Map();	// "kind/name" -> { of each series: its samples }

function stateOf(m) {
	return m.state === "running" && m.good === false ? "failed" : m.state || "ended";
}

function classOf(m) {
	return CLASSES.get(stateOf(m)) || "ended";
}

// Bytes a second since the last message; 0 where it began anew.
function rate(now, then, seconds) {
	return then === undefined || now < then || seconds <= 0 ? 0 : (now - then) / seconds;
}

function linkOf(sw, port, machine, card) {
	return { id: `${machine ? "m/" + machine.name : "u/" + sw.name + "/" + port.name}|${sw.name}|${port ? port.port : "-"}`,
		 from: machine ? "m/" + machine.name : "u/" + sw.name + "/" + port.name, to: "s/" + sw.name, sw, port, machine, card, tx: 0, rx: 0 };
}

function memberOf(w, sw, port) {
	for (const m of w.machines.values())
		for (const card of m.cards || [])
			if (card.switch === sw.name && card.mac && card.mac === port.mac)
				return [m, card];
	return [w.machines.get(port.name) || null, null];
}

function normalize(message) {
	const w = { at: message.state.ms, machines: new Map(Object.entries(message.state.machines || {})), uplinks: new Map(), links: new Map(),
		    switches: new Map(Object.entries(message.state.switches || {})), labs: message.state.labs || [],
		    captures: message.captures || [], pause: message.pause };
	const seconds = before ? (w.at - before.at) / 1000 : 0;

	for (const sw of w.switches.values()) {
		for (const port of sw.ports || []) {
			const [machine, card] = port.uplink ? [null, null] : memberOf(w, sw, port);
			const link = linkOf(sw, port, machine, card), old = before && before.links.get(link.id);

			if (!machine)
				w.uplinks.set(link.from, { name: port.name, sw, lab: sw.lab, port });
			if (old && old.port) {
				link.tx = rate(port.tx?.bytes, old.port.tx?.bytes, seconds);
				link.rx = rate(port.rx?.bytes, old.port.rx?.bytes, seconds);
				link.txp = rate(port.tx?.packets, old.port.tx?.packets, seconds);
				link.rxp = rate(port.rx?.packets, old.port.rx?.packets, seconds);
			}
			w.links.set(link.id, link);
		}
	}
	// Of a machine that does not run its lab knows where it belongs.
	for (const m of w.machines.values()) {
		if (m.cards)
			continue;
		for (const card of m.lab_cards || []) {
			const sw = card.network && w.switches.get(`${m.lab}.${card.network}`);

			if (sw) {
				const link = linkOf(sw, null, m, card);

				w.links.set(link.id, link);
			}
		}
	}
	for (const m of w.machines.values()) {
		const old = before && before.machines.get(m.name), u = m.use, o = old && old.use;

		m.cpu = m.kernelCpu = m.netIn = m.netOut = m.diskIn = m.diskOut = 0;
		if (u && o && u.uptime_ms > o.uptime_ms) {
			const s = (u.uptime_ms - o.uptime_ms) / 1000;

			m.kernelCpu = rate(u.vcpu_ns + u.main_ns, o.vcpu_ns + o.main_ns, s) / 1e7;
			m.cpu = rate(u.spaces_ns + u.monitor_ns + u.backends_ns, o.spaces_ns + o.monitor_ns + o.backends_ns, s) / 1e7;
			m.netIn = rate(u.net_in, o.net_in, s);
			m.netOut = rate(u.net_out, o.net_out, s);
			m.diskIn = rate(u.disk_in, o.disk_in, s);
			m.diskOut = rate(u.disk_out, o.disk_out, s);
		}
	}
	return w;
}

function remember(key, values) {
	const h = history.get(key) || {};

	for (const [name, v] of Object.entries(values)) {
		h[name] = h[name] || [];
		h[name].push(v);
		if (h[name].length > KEEP)
			h[name].shift();
	}
	history.set(key, h);
}

function rememberAll() {
	for (const m of world.machines.values())
		remember("m/" + m.name, { cpu: m.cpu, mem: m.mem_used || 0, in: m.netIn, out: m.netOut });
	for (const l of world.links.values())
		remember(l.id, { tx: l.tx, rx: l.rx });
	for (const s of world.switches.values())
		remember("s/" + s.name, { all: [...world.links.values()].filter((l) => l.sw === s).reduce((n, l) => n + l.tx, 0) });
	for (const key of history.keys())
		if (!world.links.has(key) && !thingOf(key))
			history.delete(key);
}

function thingOf(key) {
	const name = key.slice(2);

	return key.startsWith("m/") ? world.machines.get(name) : key.startsWith("s/") ? world.switches.get(name) : world.uplinks.get(key) || world.links.get(key);
}

// ---- which lab ----

let lab = new URLSearchParams(location.hash.slice(1)).get("lab") || "";

function inLab(thing) {
	return !lab || (thing.lab || "") === lab;
}

function showLabs() {
	const names = world.labs.map((l) => l.name).sort(), options = [...$("lab").options].map((o) => o.value);

	if (names.join("\n") !== options.slice(1).join("\n"))
		$("lab").replaceChildren(el("option", { value: "" }, "all"), ...names.map((n) => el("option", { value: n }, n)));
	if (lab && !names.includes(lab))
		$("lab").append(el("option", { value: lab }, lab));
	$("lab").value = lab;
}

$("lab").addEventListener("change", () => {
	lab = $("lab").value;
	location.hash = lab ? `lab=${encodeURIComponent(lab)}` : "";
	select(null);
	refresh();
});

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

// ---- terminals ----

const terms = [];
const encoder = new TextEncoder();

class Screen {
	constructor(kind, machine) {
		this.kind = kind;
		this.machine = machine;
		this.e = el("div", { class: "screen", role: "tabpanel", "aria-label": `${kind} of ${machine}` });
		this.choose = el("button", { type: "button", role: "tab", onclick: () => showTerm(this) }, `${kind}: ${machine}`);
		this.tab = el("span", { class: "tab", role: "presentation" }, this.choose,
			el("button", { type: "button", "aria-label": `close the ${kind} of ${machine}`, onclick: () => closeTerm(this) }, "\u00d7"));
		this.unseen = 0;
		this.decoder = new TextDecoder();
		if (window.Terminal)
			this.openXterm();
		else
			this.openLines();
	}

	openXterm() {
		this.term = new window.Terminal({ cursorBlink: this.kind !== "log", disableStdin: this.kind === "log", fontSize: 13, scrollback: 5000,
			fontFamily: "'DejaVu Sans Mono', ui-monospace, monospace", theme: { background: "#10151a", foreground: "#e4e9ee" } });
		this.show = (text) => this.term.write(text);
		this.term.on("data", (text) => this.send(text));
		this.term.on("resize", (size) => this.tell({ cols: size.cols, rows: size.rows }));
		// Tab is the terminal's, so something else has to lead out of it.
		this.term.attachCustomKeyEventHandler((e) => {
			if (e.key !== "F6")
				return true;
			if (e.type === "keydown")
				this.choose.focus();
			e.preventDefault();
			return false;
		});
	}

	// Without xterm.js: what is written as lines, and one to type.
	openLines() {
		const out = el("pre", { tabindex: 0 }), input = el("input", { "aria-label": "a line for the command", hidden: this.kind === "log" });

		this.show = (text) => {
			out.append(text.replace(/\u001b(\[[0-9;?]*[A-Za-z]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[()].|.)|\r/g, ""));
			if (out.textContent.length > 200000)
				out.textContent = out.textContent.slice(-100000);
			out.scrollTop = out.scrollHeight;
		};
		input.addEventListener("keydown", (e) => {
			if (e.key === "Enter") {
				this.send(input.value + "\n");
				input.value = "";
			}
		});
		this.e.append(out, input);
		this.lines = input;
	}

	// When its element is in the page, and has a size.
	begin() {
		let cols = 100, rows = 24;

		if (this.term) {
			this.term.open(this.e);
			this.fit();
			cols = this.term.cols;
			rows = this.term.rows;
		}
		this.ws = socketAt(`term?kind=${this.kind}&machine=${encodeURIComponent(this.machine)}&cols=${cols}&rows=${rows}`, "ring3-term");
		this.ws.binaryType = "arraybuffer";
		this.ws.onmessage = (e) => this.take(e.data);
		this.ws.onclose = () => {
			if (!this.ended)
				this.show("\r\n\u001b[2m(disconnected)\u001b[0m\r\n");
			this.ended = true;
		};
	}

	fit() {
		if (this.term && this.term.element && this.e.offsetParent)
			window.fitTerminal(this.term);
	}

	tell(o) {
		if (this.ws && this.ws.readyState === WebSocket.OPEN)
			this.ws.send(JSON.stringify(o));
	}

	send(text) {
		const data = encoder.encode(text);

		if (!this.ws || this.ws.readyState !== WebSocket.OPEN || this.kind === "log")
			return;
		for (let i = 0; i < data.length; i += 16384)
			this.ws.send(data.subarray(i, i + 16384));
	}

	take(data) {
		if (typeof data === "string") {
			this.ended = true;
			this.show(`\r\n\u001b[2m(ended with status ${Number(JSON.parse(data).exit)})\u001b[0m\r\n`);
			this.ws.close();
			return;
		}
		this.show(this.decoder.decode(data, { stream: true }));
		this.unseen += data.byteLength;
		this.timer = this.timer || setTimeout(() => this.acknowledge(), 20);
	}

	// Only what xterm.js has worked off, so that a flood waits at the guest and not here.
	acknowledge() {
		this.timer = null;
		if (this.term && this.term.writeBuffer && this.term.writeBuffer.length > 20) {
			this.timer = setTimeout(() => this.acknowledge(), 20);
			return;
		}
		this.tell({ ack: this.unseen });
		this.unseen = 0;
	}

	focus() {
		this.fit();
		(this.term || this.lines).focus();
	}
}

function showTerm(t) {
	for (const other of terms) {
		other.e.hidden = other !== t;
		other.tab.classList.toggle("chosen", other === t);
		other.choose.setAttribute("aria-selected", other === t);
	}
	t.focus();
}

function openTerm(kind, machine) {
	const old = terms.find((t) => t.kind === kind && t.machine === machine && !t.ended);

	if (old) {
		showTerm(old);
		return;
	}
	const t = new Screen(kind, machine);

	terms.push(t);
	$("dock").hidden = false;
	$("tabs").append(t.tab);
	$("screens").append(t.e);
	showTerm(t);
	t.begin();
	t.focus();
}

function closeTerm(t) {
	const at = terms.indexOf(t);

	terms.splice(at, 1);
	t.ended = true;
	t.ws?.close();
	t.term?.destroy();
	t.tab.remove();
	t.e.remove();
	$("dock").hidden = !terms.length;
	if (terms.length)
		showTerm(terms[Math.max(0, at - 1)]);
}

window.addEventListener("resize", () => terms.forEach((t) => t.fit()));

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
