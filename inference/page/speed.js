// Latency by stage: a chart of the last frames, and p50 and p95 in a table.

const STAGES = [
  ["encode", "taking the picture", "#8a7bd1"],
  ["network", "to the reader and back", "#c98b3c"],
  ["decode", "JPEG to picture, in the server", "#5b8fd6"],
  ["landmarks", "landmarks", "#1f9688"],
  ["features+model", "features and model", "#c9577a"],
  ["text", "letters and words", "#7a8794"],
  ["waiting", "waiting", "#b5b0a2"],
];
const KEPT = 300; // frames
const SHOWN = 120;
const TOP = 110; // milliseconds at the upper edge of the chart, at least
const HEAD = 16; // pixels above the bars, where those that are cut off say how tall they are
const MARGIN = 48; // pixels left of the bars, for the lines' names

export class Speed {
  constructor(root) {
    this.root = root;
    this.frames = [];
    this.body = root.querySelector("tbody");
    this.summary = root.querySelector("summary span");
    this.cells = new Map();
    for (const [name, title, colour] of [...STAGES, ["total", "camera to answer", ""]]) {
      const row = this.body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      if (colour) head.append(Object.assign(document.createElement("i"), {style: `background:${colour}`}));
      head.append(title);
      row.append(head);
      this.cells.set(name, [row.insertCell(), row.insertCell()]);
    }
    this.drawn = 0;
  }

  /** ms: of each stage in the server, and `server` for all of it; encode and roundTrip in milliseconds. */
  add(ms, encode, roundTrip) {
    const {server, ...stages} = ms;
    const inside = Object.values(stages).reduce((sum, value) => sum + value, 0);
    const frame = {...stages, encode, network: Math.max(0, roundTrip - server), waiting: Math.max(0, server - inside)};
    this.frames.push({...frame, total: encode + roundTrip, at: performance.now()});
    if (this.frames.length > KEPT) this.frames.shift();
    if (performance.now() - this.drawn > 500) this.show();
  }

  /** No more frames come. */
  stopped() {
    this.summary.textContent = "not running";
  }

  show() {
    this.drawn = performance.now();
    const recent = this.frames.filter(({at}) => at > this.drawn - 2000);
    const rate = recent.length > 1 ? (recent.length - 1) / (recent.at(-1).at - recent[0].at) * 1000 : 0;
    const [p50, p95] = this.percentiles("total");
    this.summary.textContent = `${rate.toFixed(0)} frames/s · ${p50.toFixed(0)} ms p50 · ${p95.toFixed(0)} ms p95`;
    if (!this.root.open) return;
    for (const [name, cells] of this.cells) {
      this.percentiles(name).forEach((value, column) => { cells[column].textContent = value.toFixed(1); });
    }
    this.draw();
  }

  percentiles(name) {
    const sorted = this.frames.map((frame) => frame[name]).sort((a, b) => a - b);
    return [0.5, 0.95].map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  }

  draw() {
    const canvas = this.root.querySelector("canvas");
    const ratio = devicePixelRatio || 1;
    const {clientWidth: width, clientHeight: height} = canvas;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const shown = this.frames.slice(-SHOWN);
    // The first frame waits for everything, so the scale is not the tallest bar's.
    const top = Math.max(TOP, 1.5 * this.percentiles("total")[1]);
    const scale = (height - HEAD) / top;
    const step = (width - MARGIN) / SHOWN;
    context.font = "11px system-ui, sans-serif";
    context.strokeStyle = style.getPropertyValue("--line");
    context.fillStyle = style.getPropertyValue("--dim");
    context.textAlign = "right";
    for (const line of [50, 100].filter((value) => value * scale > 14)) {
      const y = Math.round(height - line * scale) + 0.5;
      context.beginPath();
      context.moveTo(MARGIN, y);
      context.lineTo(width, y);
      context.stroke();
      context.fillText(`${line} ms`, MARGIN - 6, y + 4);
    }
    context.textAlign = "center";
    let free = -Infinity; // where the next figure has room
    shown.forEach((frame, index) => {
      const x = width - (shown.length - index) * step;
      let left = height - HEAD;
      for (const [name, , colour] of STAGES) {
        const part = Math.min(frame[name] * scale, left);
        context.fillStyle = colour;
        context.fillRect(x, HEAD + left - part, Math.max(step - 1, 1), part);
        left -= part;
      }
      const figure = Math.round(frame.total);
      if (frame.total <= top || x < free) return;
      free = x + context.measureText(figure).width + 6;
      context.fillStyle = style.getPropertyValue("--ink");
      context.fillText(figure, Math.min(Math.max(x, MARGIN + 12), width - 14), HEAD - 4);
    });
  }
}
