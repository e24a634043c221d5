// SPDX-License-Identifier: GPL-2.0-or-later
// Terminals: shells, consoles and logs.
"use strict";

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
