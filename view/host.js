// Speaks with a host of MCP Apps: JSON-RPC 2.0 over postMessage, revision 2026-01-26.
"use strict";

const PATIENCE = 30_000; // milliseconds for an answer
const pending = new Map();
let watching = 0;

function send(message) {
  parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); // whatever the host's origin: nothing here is secret from it
}

function request(method, params) {
  if (parent === window) return Promise.reject(new Error("there is no host"));
  return new Promise((resolve, reject) => {
    const id = request.last = (request.last ?? 0) + 1;
    const timer = setTimeout(() => { pending.delete(id); reject(new Error(`no answer to ${method}`)); }, PATIENCE);
    pending.set(id, { resolve, reject, timer });
    send({ id, method, params });
  });
}

async function read(uri) {
  const { contents } = await request("resources/read", { uri });
  if (!contents?.length) throw new Error(`nothing at ${uri}`);
  return contents[0];
}

// Pictures that the browser may not load itself are asked of the host, once each.
const pictures = new Map();

function image(attempt, alt) {
  const node = element("img", { alt, width: run.width, height: run.height });
  const source = attempt.picture;
  if (/^(data:|https?:|\.{0,2}\/)/.test(source)) node.src = source;
  else if (typeof pictures.get(source) === "string") node.src = pictures.get(source);
  else fetched(source).then((data) => { node.src = data; }, () => { node.alt = "The picture cannot be loaded."; });
  return node;
}

function fetched(uri) {
  if (!pictures.has(uri)) {
    const reading = read(uri).then(({ blob, mimeType }) => {
      pictures.set(uri, `data:${mimeType ?? "image/webp"};base64,${blob}`);
      return pictures.get(uri);
    });
    reading.catch(() => pictures.delete(uri));
    pictures.set(uri, reading);
  }
  return pictures.get(uri);
}

async function watch(runId) {
  const mine = ++watching; // a later call takes over
  let pause = 2000;
  let failures = 0;
  let before = "";
  for (;;) {
    try {
      const { text } = await read(`view://${runId}`);
      if (mine !== watching) return;
      pause = text === before ? Math.min(1.5 * pause, 15_000) : 2000;
      failures = 0;
      $("note").textContent = "";
      if (text !== before) {
        run = JSON.parse(text);
        before = text;
        render();
      }
      if (run.status !== "working") return;
    } catch (error) {
      if (mine !== watching) return;
      if (++failures === 5) {
        $("note").textContent = `The run can no longer be followed: ${error.message}`;
        return;
      }
      pause = Math.min(2 * pause, 15_000);
    }
    await new Promise((wake) => setTimeout(wake, pause));
  }
}

// What the tool's result alone tells: all there is to show until, or unless, the host reads resources.
function fromResult({ content = [], structuredContent: told }) {
  const picture = content.find((block) => block.type === "image");
  const questions = (told.questions ?? []).filter(({ p }) => typeof p === "number").map(
    ({ id, text, status, p, source, evidence }) => ({ id, text, status, p, by: source, why: evidence, boxes: [] }));
  const attempt = {
    image_id: told.image_id ?? told.run_id,
    picture: picture && `data:${picture.mimeType};base64,${picture.data}`,
    action: "paint", seed: told.seed ?? 0, parent: null, score: told.score ?? null, accepted: true, outdated: false,
    reason: told.reason ?? "", regions: [], edits: [], questions,
  };
  return {
    run_id: told.run_id, prompt: input.prompt ?? "", status: told.status === "working" ? "working" : "open",
    progress: "", reason: told.reason ?? "", passed: told.passed ?? false, not_understood: told.not_understood ?? [],
    width: 1, height: 1, regions: [], checklist: [],
    attempts: picture ? [attempt] : [], best_id: picture ? attempt.image_id : null,
  };
}

function context({ theme, styles, safeAreaInsets: safe } = {}) {
  const root = document.documentElement;
  if (theme === "light" || theme === "dark") root.style.colorScheme = theme;
  for (const [name, value] of Object.entries(styles?.variables ?? {})) {
    if (name.startsWith("--") && value) root.style.setProperty(name, value);
  }
  if (safe) root.style.padding = `${safe.top}px ${safe.right}px ${safe.bottom}px ${safe.left}px`;
}

const notifications = {
  "ui/notifications/tool-input": ({ arguments: given = {} }) => {
    input = given;
    render();
    if (given.run_id) watch(given.run_id);
  },
  "ui/notifications/tool-result": (result) => {
    const runId = result.structuredContent?.run_id;
    if (runId) {
      if (run?.run_id !== runId) run = fromResult(result);
      render();
      watch(runId);
    } else {
      $("note").textContent = (result.content ?? []).map((block) => block.text ?? "").join("\n");
      if (result.isError && !run) [$("status").textContent, $("status").className] = ["failed", "badge fail"];
    }
  },
  "ui/notifications/tool-cancelled": ({ reason }) => {
    $("note").textContent = `The call was cancelled${reason ? `: ${reason}` : "."}`;
    if (!run) [$("status").textContent, $("status").className] = ["cancelled", "badge skipped"];
  },
  "ui/notifications/host-context-changed": context,
};

const asks = { "ui/resource-teardown": () => { watching += 1; }, ping: () => {} };

function received({ source, data }) {
  if (source !== parent || data?.jsonrpc !== "2.0") return;
  const { id, method, params, result, error } = data;
  if (method === undefined) {
    const waiting = pending.get(id);
    if (!waiting) return;
    pending.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(new Error(error.message));
    else waiting.resolve(result);
  } else if (id === undefined) notifications[method]?.(params ?? {});
  else if (asks[method]) {
    asks[method]();
    send({ id, result: {} });
  } else send({ id, error: { code: -32601, message: `${method} is not offered by this view` } });
}

async function meetHost() {
  addEventListener("message", received);
  const answer = await request("ui/initialize", {
    protocolVersion: "2026-01-26",
    appInfo: { name: "muralist", title: "Muralist", version: "1.0.0" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
  });
  context(answer.hostContext);
  send({ method: "ui/notifications/initialized", params: {} });
  new ResizeObserver(tellSize).observe(document.documentElement);
}

let size = "";

function tellSize() {
  const root = document.documentElement;
  root.style.overflow = "hidden"; // without a scrollbar: with one the page is narrower, hence lower, and would keep it
  const params = { width: innerWidth, height: Math.ceil(root.getBoundingClientRect().height) };
  root.style.overflow = "";
  if (size !== (size = JSON.stringify(params))) send({ method: "ui/notifications/size-changed", params });
}

if (parent === window) {
  chosen = decodeURIComponent(location.hash.slice(1)) || null;
  if (run?.status === "working") setTimeout(() => location.reload(), 4000);
} else meetHost().catch(() => {}); // a frame whose page speaks no MCP Apps: what the page holds is shown all the same
render();
