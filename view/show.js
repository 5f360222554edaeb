// Shows a run. Everything from outside goes in as text, never as markup.
"use strict";
const $ = (id) => document.getElementById(id);
let run = JSON.parse($("run").textContent);
let input = {}; // arguments of the tool call that the host shows
let chosen = null; // image id of the attempt that the reader picked
let followed; // image id of the attempt that the strip was scrolled to

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function placed(node, box) {
  const percent = (part) => `${100 * part}%`;
  Object.assign(node.style, {
    left: percent(box.x0), top: percent(box.y0), width: percent(box.x1 - box.x0), height: percent(box.y1 - box.y0),
  });
  return node;
}

function best() {
  return run.attempts.find((attempt) => attempt.image_id === run.best_id);
}

function shown() {
  return run.attempts.find((attempt) => attempt.image_id === chosen) ?? best() ?? run.attempts.at(-1);
}

function number(imageId) {
  return run.attempts.findIndex((attempt) => attempt.image_id === imageId) + 1;
}

function provenance(attempt) {
  if (attempt.action === "given") return "given";
  if (attempt.action === "paint") return "painted";
  return attempt.parent && number(attempt.parent) ? `edited from ${number(attempt.parent)}` : "edited";
}

function fate(attempt) {
  const [text, kind] = attempt.image_id === run.best_id ? ["best", "pass"]
    : attempt.outdated ? ["of an earlier scene", "skipped"]
    : attempt.accepted === null ? ["awaits verdicts", "unsure"]
    : attempt.accepted ? ["kept", "skipped"] : ["thrown away", "fail"];
  return element("span", { class: `badge ${kind}` }, text);
}

function score(attempt) {
  return attempt.score === null ? "" : `score ${attempt.score.toFixed(2)}`;
}

function passes(questions) {
  return questions.filter((question) => question.status === "pass").length;
}

function outcome() {
  if (["working", "failed", "cancelled"].includes(run.status)) {
    return [run.status, { working: "working", failed: "fail", cancelled: "skipped" }[run.status]];
  }
  const questions = best()?.questions ?? [];
  if (run.passed) return ["verified", "pass"];
  if (!questions.length) return [run.status, "skipped"];
  if (passes(questions) === questions.length) return ["not all understood", "unsure"];
  return [`${Math.floor((100 * passes(questions)) / questions.length)}% verified`, "unsure"];
}

function render() {
  const focused = document.activeElement?.dataset?.key;
  const attempt = run && shown();
  const prompt = run?.prompt || (typeof input.prompt === "string" && input.prompt) || "A picture in the making";
  $("prompt").textContent = prompt;
  document.title = `Muralist: ${prompt.slice(0, 60)}`;
  $("columns").hidden = !run;
  if (!run) return;
  const [status, kind] = outcome();
  const amount = run.attempts.length;
  $("status").className = `badge ${kind}`;
  if ($("status").textContent !== status) $("status").textContent = status; // is read aloud when it changes
  const pictures = amount ? `${amount} picture${amount === 1 ? "" : "s"}` : "";
  $("line").textContent = [pictures, run.status === "working" ? run.progress : run.reason].filter(Boolean).join(" · ");
  $("unparsed").hidden = !run.not_understood.length;
  $("unparsed").textContent = `Not understood, kept in the caption only: ${run.not_understood.join(", ")}`;
  renderCanvas(attempt);
  renderCaption(attempt);
  renderStrip(attempt);
  renderChecklist(attempt);
  renderDetails();
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function renderCanvas(attempt) {
  const regions = attempt?.regions ?? run.regions;
  const edits = (attempt?.edits ?? []).flatMap((edit) => edit.boxes);
  const repainted = $("edits").checked ? edits.map((box) => placed(element("div", { class: "box edit" }), box)) : [];
  const blank = element("div", { class: "blank" }, regions.length ? "" : "Nothing is painted yet.");
  blank.style.aspectRatio = regions.length ? `${run.width} / ${run.height}` : 4;
  const picture = attempt ? image(attempt, `Picture ${number(attempt.image_id)}: ${run.prompt}`) : blank;
  $("layout-toggle").hidden = !regions.length;
  $("edits-toggle").hidden = !edits.length;
  const layout = $("layout").checked ? regions.flatMap(regionBox) : [];
  $("canvas").replaceChildren(picture, ...repainted, ...layout);
}

function regionBox(region, index) {
  const name = `Region ${index + 1}: ${region.prompt}`;
  const key = `region ${index}`;
  const label = element("span", { class: "label", "aria-hidden": "true" }, `${index + 1} ${region.prompt}`);
  const attributes = { class: "box region", role: "note", tabindex: "0", "aria-label": name, "data-key": key };
  const box = placed(element("div", attributes, label), region.box);
  box.style.setProperty("--hue", `oklch(.45 .15 ${(index * 137.5 + 255) % 360})`); // white text on it has 6:1 at least
  box.addEventListener("keydown", (event) => event.key === "Escape" && box.blur());
  const tip = element("div", { class: "tip", "aria-hidden": "true" }, region.prompt);
  tip.style[region.box.y0 + region.box.y1 < 1 ? "bottom" : "top"] = 0; // beside what it is about
  return [box, tip];
}

function renderCaption(attempt) {
  if (!attempt) return $("caption").replaceChildren();
  const title = element("h2", {}, `Picture ${number(attempt.image_id)}: ${provenance(attempt)}`);
  const facts = [`seed ${attempt.seed}`, score(attempt)].filter(Boolean).join(" · ");
  const edits = attempt.edits.map((edit) => edit.text).join(", ");
  $("caption").replaceChildren(
    element("div", { class: "line" }, title, fate(attempt), element("span", { class: "soft small" }, facts)),
    edits ? element("p", { class: "small" }, `Repainted: ${edits}`) : "",
    element("p", { class: "small soft" }, attempt.reason || "Not judged yet."),
  );
}

function renderStrip(attempt) {
  $("strip").hidden = run.attempts.length < 2;
  $("strip").replaceChildren(...run.attempts.map((each) => chip(each, each === attempt)));
  if (attempt?.image_id === followed) return;
  followed = attempt?.image_id; // from then on the reader scrolls
  const strip = $("strip");
  const item = strip.querySelector("[aria-pressed=true]")?.parentElement;
  if (item) strip.scrollLeft = item.offsetLeft - strip.offsetLeft - (strip.clientWidth - item.offsetWidth) / 2;
}

function chip(attempt, pressed) {
  const id = attempt.image_id;
  const attributes = { type: "button", "aria-pressed": String(pressed), "data-key": id, click: () => choose(id) };
  return element("li", {}, element("button", attributes,
    image(attempt, ""),
    element("span", {}, element("strong", {}, `Picture ${number(id)}`), ` ${provenance(attempt)}`),
    fate(attempt),
    element("span", { class: "soft" }, score(attempt)),
    element("span", { class: "soft reason" }, attempt.reason),
  ));
}

function choose(imageId) {
  chosen = imageId;
  // A page of its own is loaded anew while the run works; the address keeps the choice.
  if (parent === window) history.replaceState(null, "", `#${encodeURIComponent(imageId)}`);
  render();
}

function renderChecklist(attempt) {
  const questions = attempt?.questions ?? [];
  const open = questions.length || attempt?.outdated ? [] : run.checklist;
  $("asked").hidden = !questions.length && !open.length;
  const sources = new Set(questions.map((question) => question.by));
  const judges = sources.size === 1 ? `, says ${[...sources]}` : ""; // else each answer names its own
  const disputed = questions.filter((question) => question.disputed).length;
  const doubts = disputed ? `; inspectors disagree on ${disputed}` : "";
  const answered = `${passes(questions)} of ${questions.length} pass${judges}${doubts}`;
  $("asked-count").textContent = open.length ? `${open.length} questions that the picture will be asked` : answered;
  $("checklist").replaceChildren(
    ...open.map((text) => answer("open", element("span", {}, text), [])),
    ...questions.map((question) => {
      const why = [question.why, judges ? "" : question.by, `p\u00a0${question.p.toFixed(2)}`];
      return answer(question.status, asked(question), why);
    }),
  );
}

function answer(status, question, why) {
  const evidence = element("span", { class: "soft small" }, why.filter(Boolean).join(" · "));
  return element("li", {}, element("span", { class: `mark ${status}` }, status), question, evidence);
}

function asked(question) {
  if (!question.boxes.length) return element("span", {}, question.text);
  const point = () => {
    unpoint();
    $("canvas").classList.add("pointing");
    const mark = () => element("div", { class: `box found ${question.status}` });
    $("canvas").append(...question.boxes.map((box) => placed(mark(), box)));
  };
  const unpoint = () => {
    $("canvas").classList.remove("pointing");
    for (const box of $("canvas").querySelectorAll(".found")) box.remove();
  };
  const events = { mouseenter: point, focus: point, mouseleave: unpoint, blur: unpoint };
  const attributes = { type: "button", class: "ask", "data-key": question.id, ...events };
  return element("span", {}, element("button", attributes, question.text));
}

function renderDetails() {
  const open = new Set([...$("details").querySelectorAll("details[open]")].map((each) => each.dataset.title));
  $("details").replaceChildren(...(run.details ?? []).map(({ title, rows }) => {
    const table = rows.map(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]).flat();
    const attributes = { class: "card", "data-title": title, open: open.has(title) ? "" : null };
    const summary = element("summary", { "data-key": `details ${title}` }, title);
    return element("details", attributes, summary, element("dl", {}, ...table));
  }));
}

for (const id of ["layout", "edits"]) $(id).addEventListener("change", render);
