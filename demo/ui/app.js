// Shows /status, once a second. What the system says is text, never markup.
"use strict";

const PERIOD_MS = 1000;
const PATIENCE_MS = 4000;
const PAST = 60;
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);
const past = new Map(); // by PD: CPU shares, oldest first
let last = null;

// --- numbers and words ---------------------------------------------------------------------------

function duration(micros) {
  const seconds = Math.floor(micros / 1e6);
  if (seconds < 60) return (micros / 1e6).toFixed(1) + " s";
  const two = (n) => String(n).padStart(2, "0");
  const clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map((n) => two(Math.floor(n))).join(":");
  return seconds < 86400 ? clock : Math.floor(seconds / 86400) + " d " + clock;
}

const kib = (bytes) => (bytes / 1024).toLocaleString("en", { maximumFractionDigits: 0 }) + " KiB";
const known = (value) => value !== undefined && value !== null;
const mood = (state) => ({
  running: "good", proven: "good", degraded: "warn", initialising: "warn", loaded: "warn", paused: "warn",
  terminating: "warn", terminated: "warn",
})[state] ?? "bad";

// What a PD did since the last look, by the system's own clock; counters begin anew with each life.
function rates(pd, status) {
  const before = last?.boot_id === status.boot_id ? last?.pds.find((other) => other.name === pd.name) : null;
  const passed = status.uptime_us - (last?.uptime_us ?? 0);
  if (!before || passed <= 0) return null;
  const since = (key) => pd[key] >= before[key] ? pd[key] - before[key] : pd[key];
  return { cpu: known(pd.cpu_us) ? since("cpu_us") / passed : null, woken: since("wakeups") / passed * 1e6 };
}

// --- elements ------------------------------------------------------------------------------------

function put(parent, tag, attributes = {}, text = null) {
  const svg = parent.namespaceURI === SVG || tag === "svg";
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  parent.append(element);
  return element;
}

function say(id, text, kind = null) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
  if (kind !== null) element.className = element.className.replace(/ ?\b(good|warn|bad)\b/g, "") + " " + kind;
}

function bar(parent, share, label) {
  const svg = put(parent, "svg", { width: 64, height: 8, role: "img", "aria-label": label });
  put(svg, "rect", { class: "bar", width: 64, height: 8, rx: 4 });
  const width = Math.max(share > 0 ? 2 : 0, Math.min(1, share) * 64);
  put(svg, "rect", { class: share > 0.9 ? "level bad" : "level", width, height: 8, rx: 4 });
}

function sparkline(parent, shares, label) {
  const svg = put(parent, "svg", { width: 72, height: 20, role: "img", "aria-label": label });
  const most = Math.max(0.01, ...shares);
  const points = shares.map((share, i) => (72 - (shares.length - 1 - i) * 72 / (PAST - 1)).toFixed(1) + "," +
    (18 - share / most * 16).toFixed(1));
  put(svg, "polyline", { points: points.join(" ") });
}

// --- parts of the page ---------------------------------------------------------------------------

function showFacts(status) {
  say("system", `${status.version} (${status.revision}) on ${status.kernel} ${status.config}, ${status.platform}`);
  say("uptime", duration(status.uptime_us));
  say("boot", `ready after ${(status.boot_us / 1000).toFixed(1)} ms; boot ${(status.boot_id ?? "unknown").slice(0, 8)}`);
  for (const [id, proof, detail] of [
    ["volume", status.volume, (v) => `${v.name}, generation ${v.generation}, ${v.entries} files, root ${v.root.slice(0, 16)}…`],
    ["chain", status.ledger, (c) => `sequence ${c.sequence}, head ${c.head.slice(0, 16)}…`],
  ]) {
    say(id, proof.state, mood(proof.state));
    say(id + "-detail", proof.state === "proven" ? detail(proof) : proof.reason);
  }
  const running = status.pds.filter((pd) => pd.state === "running").length;
  say("running", `${running} of ${status.pds.length} run`, running === status.pds.length ? "good" : "bad");
  const restarts = status.pds.reduce((sum, pd) => sum + (pd.restarts ?? 0), 0);
  const faults = status.pds.reduce((sum, pd) => sum + pd.faults, 0);
  say("running-detail", `${faults} faults, ${restarts} restarts since boot`);
}

// Cards in rows by priority.
function showPicture(status, shares) {
  const width = 1120, wide = 196, high = 74, gap = 66;
  const pds = [...status.pds].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  const rows = [pds.slice(0, 1)];
  for (let i = 1; i < pds.length; i += 4) rows.push(pds.slice(i, i + 4));
  const place = new Map();
  rows.forEach((row, y) => row.forEach((pd, x) => place.set(pd.name, {
    x: (width - row.length * wide) / (row.length + 1) * (x + 1) + wide * x, y: 22 + y * (high + gap),
  })));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${rows.length * (high + gap) - gap + 44}`);
  svg.setAttribute("role", "img");
  put(svg, "title", {}, "Protection domains by priority, with their states");
  for (const pd of pds) {
    const { x, y } = place.get(pd.name), kind = mood(pd.state);
    const card = put(svg, "g", { transform: `translate(${x} ${y})` });
    put(card, "rect", { class: `card ${kind}`, width: wide, height: high, rx: 10 });
    put(card, "text", { class: "name", x: 13, y: 24 }, pd.name);
    put(card, "text", { class: "quiet", x: wide - 13, y: 24, "text-anchor": "end" },
      known(pd.priority) ? String(pd.priority) : "");
    put(card, "text", { class: `state ${kind}`, x: 13, y: 43 }, pd.state);
    const restarts = known(pd.restarts) ? pd.restarts : pd.faults;
    put(card, "text", { class: "quiet", x: wide - 13, y: 43, "text-anchor": "end" },
      restarts > 0 ? `life ${pd.generation}` : "");
    const share = shares.get(pd.name);
    put(card, "rect", { class: "track", x: 13, y: 56, width: wide - 80, height: 6, rx: 3 });
    put(card, "rect", { class: "level", x: 13, y: 56, width: Math.min(1, share ?? 0) * (wide - 80), height: 6, rx: 3 });
    put(card, "text", { class: "quiet", x: wide - 13, y: 63, "text-anchor": "end" },
      known(share) ? (share * 100).toFixed(1) + " %" : "– %");
  }
  byId("picture").replaceChildren(svg);
}

function showTable(status, all) {
  const body = document.createElement("tbody");
  body.id = "pds";
  for (const pd of [...status.pds].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))) {
    const row = put(body, "tr"), rate = all.get(pd.name);
    put(row, "th", { scope: "row" }, pd.name);
    const state = put(row, "td");
    put(state, "span", { class: `pill ${mood(pd.state)}` }, pd.state);
    if (pd.text) put(state, "div", { class: "why" }, pd.text);
    for (const value of [pd.generation, pd.restarts, pd.priority]) {
      put(row, "td", { class: "number" }, known(value) ? String(value) : "–");
    }
    const cpu = put(row, "td"), share = rate?.cpu;
    const percent = known(share) ? (share * 100).toFixed(1) + " %" : "–";
    sparkline(cpu, past.get(pd.name) ?? [], `CPU time of the last minute, now ${percent}`);
    cpu.append(percent);
    const stack = put(row, "td");
    if (known(pd.stack_used_bytes)) {
      bar(stack, pd.stack_used_bytes / pd.stack_bytes, "stack in use at most");
      stack.append(`${kib(pd.stack_used_bytes)} of ${kib(pd.stack_bytes)}`);
    } else stack.append("–");
    put(row, "td", { class: "number" }, known(pd.ram_bytes) ? kib(pd.ram_bytes) : "–");
    put(row, "td", { class: "number" }, rate ? rate.woken.toFixed(0) : "–");
    put(row, "td", { class: "number" }, String(pd.violations));
  }
  byId("pds").replaceWith(body);
}

// For each reader, who writes to it, with a bar as long as the ring was ever full.
function showRings(status) {
  const cards = document.createDocumentFragment();
  for (const pd of status.pds.filter((pd) => pd.peers?.length)) {
    const card = put(cards, "div");
    put(card, "h3", {}, pd.name);
    for (const peer of pd.peers) {
      const line = put(card, "div", { class: "ring" });
      put(line, "span", {}, peer.name);
      bar(line, peer.most / Math.max(1, peer.capacity), "the most that ever waited");
      put(line, "span", { class: "number" }, `${peer.waiting} / ${peer.most} of ${peer.capacity}`);
      if (peer.violations > 0) put(line, "span", { class: "pill bad" }, `broke its protocol: ${peer.violations}`);
    }
  }
  byId("rings").replaceChildren(cards);
}

function showEvents(status) {
  const list = document.createDocumentFragment();
  for (const event of [...(status.events ?? [])].reverse().slice(0, 12)) {
    const item = put(list, "li");
    put(item, "time", {}, duration(event.at_us));
    put(item, "strong", {}, event.pd);
    put(item, "span", {}, `${event.from} → ${event.to}`);
    if (event.text) put(item, "span", { class: "why" }, event.text);
  }
  if (!list.childElementCount) put(list, "li", {}, "none so far");
  const text = list.textContent;
  if (byId("events").textContent !== text) byId("events").replaceChildren(list);
}

function show(status) {
  const all = new Map(status.pds.map((pd) => [pd.name, rates(pd, status)]));
  if (last && last.boot_id !== status.boot_id) past.clear();
  for (const [name, rate] of all) {
    if (!known(rate?.cpu)) continue;
    past.set(name, [...(past.get(name) ?? []), rate.cpu].slice(-PAST));
  }
  showFacts(status);
  showPicture(status, new Map([...all].map(([name, rate]) => [name, rate?.cpu])));
  showTable(status, all);
  showRings(status);
  showEvents(status);
  last = status;
}

async function look() {
  try {
    const answer = await fetch("/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`the system answers ${answer.status}`);
    show(await answer.json());
    say("contact", "live", "good");
  } catch (error) {
    say("contact", "no answer", "bad");
    byId("contact").title = String(error);
  }
  setTimeout(look, PERIOD_MS);
}

look();
