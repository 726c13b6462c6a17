// The same picture on a canvas, so that one can go near. Without this script the drawing above stays as it is.
"use strict";
const LEAST_MS = 200, LEAST_PX = 0.8, RED = "#c53030", GREY = "#6b7280", NEAR_PX = 6;
const MARKS = {takeover: "#1d4ed8", step: "#1d4ed8", reclaim: "#15803d", lost: RED, told: "#7c2d12"};
const ORDER = ["away", "down", "grace", "serving", "recovering", "held", "wait", "lost"];
const tip = document.getElementById("tip"), ratio = window.devicePixelRatio || 1;
const hatches = new Map();

function hatch(pen, colour, size, stroke) {
	const key = colour + size;
	if (!hatches.has(key)) {
		const tile = document.createElement("canvas"), p = tile.getContext("2d");
		tile.width = tile.height = size;
		p.strokeStyle = colour;
		p.lineWidth = stroke;
		for (const shift of [-size, 0, size]) {
			p.beginPath();
			p.moveTo(shift - 1, size + 1);
			p.lineTo(shift + size + 1, -1);
			p.stroke();
		}
		hatches.set(key, pen.createPattern(tile, "repeat"));
	}
	return hatches.get(key);
}

// [what to fill with, how densely]
function fill(pen, kind, colour) {
	switch (kind) {
	case "serving": return [colour, 0.45];
	case "grace": return ["#fbbf24", 0.5];
	case "recovering": return ["#fcd34d", 1];
	case "lost": return [RED, 1];
	case "wait": return [hatch(pen, colour, 4, 1.3), 1];
	case "away": return [hatch(pen, "#f87171", 6, 1.2), 0.75];
	case "down": return [hatch(pen, "#9ca3af", 8, 2.2), 1];
	}
	return [colour, 1];
}

function tick(ms) {
	const s = Math.round(ms / 1000), a = Math.abs(s), sign = s < 0 ? "\u2212" : "+";
	if (s === 0) return "0";
	return sign + (a < 600 ? a + " s" : Math.floor(a / 60) + ":" + String(a % 60).padStart(2, "0"));
}

class View {
	constructor(section) {
		this.data = JSON.parse(section.querySelector("script").textContent);
		this.section = section;
		this.from = 0;
		this.to = this.data.span;
		this.canvas = document.createElement("canvas");
		this.pen = this.canvas.getContext("2d");
		this.canvas.width = this.data.width * ratio;
		this.canvas.height = this.data.height * ratio;
		this.canvas.style.cssText = `left:${this.data.labels}px;width:${this.data.width}px;height:${this.data.height}px`;
		section.querySelector(".plot").style.display = "none";
		section.querySelector(".zoom").hidden = false;
		section.querySelector(".picture").append(this.canvas);
		this.listen();
		this.draw();
	}

	x(t) {
		return (t - this.from) / (this.to - this.from) * this.data.width;
	}

	at(px) {
		return this.from + px / this.data.width * (this.to - this.from);
	}

	// drawing

	draw() {
		this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.pen.clearRect(0, 0, this.data.width, this.data.height);
		this.drawAxis();
		for (const row of this.data.shades.concat(this.data.rows))
			for (const kind of ORDER) this.drawBars(row, kind);
		this.pen.globalAlpha = 1;
		for (const chart of this.data.charts) this.drawChart(chart);
		this.drawMarks();
	}

	drawAxis() {
		const {pen, data} = this, fits = s => (this.to - this.from) / 1000 / s <= data.width / 70;
		const step = 1000 * (data.steps.find(fits) || data.steps.at(-1));
		pen.font = "10.5px system-ui, sans-serif";
		pen.textAlign = "center";
		for (let t = data.zero + Math.ceil((this.from - data.zero) / step) * step; t <= this.to; t += step) {
			pen.fillStyle = "#e2e8f0";
			pen.fillRect(this.x(t), data.top - 4, 1, data.height);
			pen.fillStyle = GREY;
			pen.fillText(tick(t - data.zero), this.x(t), data.top - 8);
		}
	}

	// Bars of one kind that lie closer together than can be seen become one.
	drawBars(row, kind) {
		const {pen, data} = this, number = data.kinds.indexOf(kind);
		let left = -9, right = -9;
		[pen.fillStyle, pen.globalAlpha] = fill(pen, kind, row.c);
		const put = () => { if (right > left) pen.fillRect(left, row.y, right - left, row.h); };
		for (let i = 0; i < row.b.length; i += 4) {
			const begin = row.b[i], end = begin + row.b[i + 1];
			if (row.b[i + 2] !== number || begin > this.to || end < this.from) continue;
			const first = Math.max(this.x(begin), 0), last = Math.min(Math.max(this.x(end), first + LEAST_PX), data.width);
			if (first - right < LEAST_PX / 2) {
				right = Math.max(right, last);
				continue;
			}
			put();
			[left, right] = [first, last];
		}
		put();
	}

	drawChart(chart) {
		const {pen, data} = this;
		pen.fillStyle = "#cbd5e1";
		pen.fillRect(0, chart.y + chart.h, data.width, 1);
		pen.fillStyle = chart.c;
		for (const [t, ms] of chart.p) {
			if (t > this.to || t + 1000 < this.from) continue;
			const high = chart.h * Math.log1p(ms) / Math.log1p(chart.top) + 1, begin = Math.max(this.x(t), 0);
			const wide = Math.min(this.x(t + 1000), data.width) - begin - 0.5;
			pen.fillRect(begin, chart.y + chart.h - high, Math.max(wide, 0.5), high);
		}
	}

	drawMarks() {
		const seen = this.data.marks.filter(m => m.t >= this.from && m.t <= this.to);
		const crowd = seen.filter(m => m.k === "fault").length > this.data.crowd, ends = [-9, -9, -9];
		for (const mark of seen)
			if (mark.k === "fault") this.drawFault(mark, crowd, ends);
			else this.drawMark(mark);
	}

	drawMark(mark) {
		const {pen} = this, place = this.x(mark.t);
		pen.fillStyle = MARKS[mark.k];
		pen.beginPath();
		pen.moveTo(place, mark.y + 2);
		pen.lineTo(place + 4, mark.y - 5);
		pen.lineTo(place - 4, mark.y - 5);
		pen.fill();
	}

	// ends: how far the names go in each of their lines
	drawFault(mark, crowd, ends) {
		const {pen, data} = this, place = this.x(mark.t);
		pen.strokeStyle = RED;
		pen.lineWidth = 1.3;
		pen.setLineDash([4, 3]);
		pen.beginPath();
		pen.moveTo(place, crowd ? data.top - 5 : 4);
		pen.lineTo(place, crowd ? data.top : data.height);
		pen.stroke();
		pen.setLineDash([]);
		pen.font = "600 11px system-ui, sans-serif";
		pen.textAlign = "left";
		const width = pen.measureText(mark.s).width;
		const left = place + width + 4 < data.width ? place + 4 : place - width - 4;
		const line = ends.findIndex(end => end < left);
		if (line < 0) return;
		ends[line] = left + width + 6;
		pen.fillStyle = "#b91c1c";
		pen.fillText(mark.s, left, 12 + 13 * line);
	}

	// moving about

	look(begin, end) {
		const length = Math.min(Math.max(end - begin, LEAST_MS), this.data.span);
		this.from = Math.min(Math.max(begin, 0), this.data.span - length);
		this.to = this.from + length;
		requestAnimationFrame(() => this.draw());
	}

	zoom(factor, middle) {
		this.look(middle - (middle - this.from) * factor, middle + (this.to - middle) * factor);
	}

	seconds(ms) {
		return ((ms - this.data.zero) / 1000).toFixed(3) + " s, " + new Date(this.data.began + ms).toTimeString().slice(0, 8);
	}

	// What is to be said about a place.
	found(px, py) {
		const {data} = this, slack = (this.to - this.from) / data.width, t = this.at(px);
		const mark = data.marks.find(m => Math.abs(this.x(m.t) - px) < NEAR_PX &&
			(m.k === "fault" ? py < data.top : Math.abs(py - m.y + 1) < NEAR_PX));
		if (mark) return (mark.n ? mark.n + ": " : "") + mark.s + " (" + this.seconds(mark.t) + ")";
		const row = data.rows.find(r => py >= r.y - 1 && py <= r.y + r.h);
		if (!row) return "";
		for (let i = row.b.length - 4; i >= 0; i -= 4) {
			const [begin, length, , text] = row.b.slice(i, i + 4);
			if (begin - slack <= t && t <= begin + length + slack)
				return `${row.n}: ${data.texts[text]}, ${this.seconds(begin)}, for ${(length / 1000).toFixed(3)} s`;
		}
		return row.n;
	}

	point(event) {
		tip.textContent = this.found(event.offsetX, event.offsetY);
		tip.hidden = !tip.textContent;
		tip.style.left = Math.min(event.clientX + 14, innerWidth - 380) + "px";
		tip.style.top = event.clientY + 16 + "px";
	}

	listen() {
		let grip = null;
		this.canvas.addEventListener("wheel", event => {
			event.preventDefault();
			this.zoom(event.deltaY < 0 ? 0.75 : 1 / 0.75, this.at(event.offsetX));
		}, {passive: false});
		this.canvas.addEventListener("pointerdown", event => {
			this.canvas.setPointerCapture(event.pointerId);
			grip = {px: event.offsetX, from: this.from, to: this.to};
		});
		this.canvas.addEventListener("pointermove", event => {
			if (!grip) return this.point(event);
			const shift = (grip.px - event.offsetX) / this.data.width * (grip.to - grip.from);
			this.look(grip.from + shift, grip.to + shift);
		});
		this.canvas.addEventListener("pointerup", () => { grip = null; });
		this.canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
		this.canvas.addEventListener("dblclick", () => this.look(0, this.data.span));
		this.section.querySelector(".zoom").addEventListener("click", event => {
			const what = event.target.dataset.do;
			if (what === "all") this.look(0, this.data.span);
			else if (what) this.zoom(what === "in" ? 0.5 : 2, (this.from + this.to) / 2);
		});
		this.section.querySelector("tbody").addEventListener("click", event => {
			const t = Number(event.target.closest("tr").dataset.t);
			this.look(t - 5000, t + 15000);
			this.canvas.scrollIntoView({block: "center"});
		});
	}
}

document.querySelectorAll("section").forEach(section => new View(section));
