// SPDX-License-Identifier: GPL-2.0-or-later
// What there is: from each message of the server to machines, networks and links, and helpers of all.
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
