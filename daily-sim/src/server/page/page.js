// Shows what the simulator knows, and keeps it up to date.
//
// Everything goes in as text, never as HTML: names, greetings and paths are data. Rows that stay
// keep their nodes, so that focus and selection stay where they are while the page is polled.

const POLL_EVERY = 1000;
const PATIENCE = 5000;
const LAST_CALLS = 50;
/** How long a refusal stays to be read. */
const REFUSAL_STAYS = 10_000;
const VISITOR = "Visitor";
const OUTCOMES = {
  InRoom: ["In the room", "good"],
  OnHold: ["On hold", "wait"],
  Dropped: ["Dropped", "bad"],
  WrongPin: ["Wrong PIN", "bad"],
  Expired: ["Room expired", "bad"],
  NotAnswered: ["Not answered", "bad"],
  RoomFull: ["Room full", "bad"],
  Ended: ["Call ended", "muted"],
};
const DELETE = "\u232b";
const KEYS = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"],
  ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"],
  ["*", "", "star"], ["0", ""], ["#", "", "hash"],
  ["+", "", "plus"], [",", "PAUSE", "comma, a pause"], [DELETE, "", "delete the last character"],
];

const $ = (id) => document.getElementById(id);
const tables = Object.fromEntries(["rooms", "calls", "numbers", "journal"].map((id) => [id, $(id)]));

/** The simulator's time when the last answers came, to tell "in 2 h" by its clock. */
let now = new Date();
/** The last call that was placed here, and whether it was going on when last seen. */
let mine = null;
/** Counts the polls, so that an answer that comes late does not replace a newer one. */
let turn = 0;
let timer = 0;
let lastSeen = null;
let refusedAt = -Infinity;

// --- Nodes -------------------------------------------------------------------------------------

function node(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Sets a text; one that stays is not touched, so that nothing is announced again. */
function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function button(className, text, label, press) {
  const made = node("button", className, text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", press);
  return made;
}

const updates = new WeakMap();

/**
 * Makes the children of a node those of `items`. `make` gives a new child and a function that
 * shows an item in it; children whose item stays are kept and shown anew.
 */
function fill(parent, items, keyOf, make) {
  const wanted = new Map(items.map((item) => [keyOf(item), item]));
  const kept = new Map();
  for (const child of [...parent.children]) {
    if (wanted.has(child.dataset.key)) kept.set(child.dataset.key, child);
    else child.remove();
  }
  let place = parent.firstElementChild;
  for (const [key, item] of wanted) {
    let child = kept.get(key);
    if (!child) {
      let show;
      [child, show] = make(item);
      child.dataset.key = key;
      updates.set(child, show);
    }
    updates.get(child)(item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  // A body without rows has nothing in it at all, not even white space.
  if (wanted.size === 0) parent.replaceChildren();
}

/** A row of a table: the first of its cells is its head. Gives the row and a box in each cell. */
function row(table) {
  const made = node("tr");
  made.setAttribute("role", "row");
  const boxes = [...table.tHead.rows[0].cells].map((head, index) => {
    const cell = node(index === 0 ? "th" : "td");
    if (index === 0) cell.scope = "row";
    cell.setAttribute("role", index === 0 ? "rowheader" : "cell");
    cell.dataset.label = head.textContent;
    const box = node("div");
    cell.append(box);
    made.append(cell);
    return box;
  });
  return [made, boxes];
}

/** As {@link row}, with texts in its cells; `texts` and `classes` take an item. */
function plainRow(table, texts, classes = () => []) {
  const [made, boxes] = row(table);
  const show = (item) => {
    const [words, names] = [texts(item), classes(item)];
    boxes.forEach((box, index) => {
      put(box, words[index] ?? "");
      box.className = names[index] ?? "";
    });
  };
  return [made, show];
}

/** A text with another, quieter one below it. */
function twoLines(box) {
  const [first, second] = [node("span"), node("span", "below")];
  box.append(first, second);
  return (one, two) => {
    put(first, one);
    put(second, two);
  };
}

/** A button that fills in what it says. */
function dialButton(text) {
  const made = button("dial", text, `Fill in ${text}`, () => {
    $("dial-string").value = text;
    $("call").focus();
  });
  return [made, () => {}];
}

const itself = (item) => item;

// --- Times -------------------------------------------------------------------------------------

const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const shortTime = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** How long that is, in its largest unit. */
function howLong(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.round(whole / 60)} min`;
  if (whole < 48 * 3600) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86400)} d`;
}

function moment(time) {
  const isToday = time.toDateString() === now.toDateString();
  return (isToday ? shortTime : dayAndTime).format(time);
}

// --- Tables ------------------------------------------------------------------------------------

function showRooms({ rooms, total }, global) {
  const shown = rooms.length < total ? `the newest ${rooms.length} of ${total}` : `${total}`;
  put($("rooms-count"), total === 0 ? "" : shown);
  fill(tables.rooms.tBodies[0], rooms, (room) => room.id, () => roomRow(global));
}

function roomRow(global) {
  const [made, [name, pin, dial, ends, inside, visit]] = row(tables.rooms);
  const showName = twoLines(name);
  const showEnd = twoLines(ends);
  const showInside = twoLines(inside);
  const url = node("span", "below mono");
  const dials = node("div", "dials");
  name.append(url);
  dial.append(dials);
  const door = button("", "", "", () => {
    const path = `/sim/rooms/${encodeURIComponent(made.dataset.name)}/${door.dataset.verb}`;
    change("POST", path, { userName: VISITOR, account: made.dataset.account });
  });
  visit.append(door);
  return [made, (room) => {
    Object.assign(made.dataset, { name: room.name, account: room.account });
    showName(room.name, `account ${room.account}`);
    put(url, room.url);
    put(pin, room.dialinCode ?? "no dial-in");
    pin.className = room.dialinCode ? "mono" : "muted";
    fill(dials, dialStrings(room, global), itself, dialButton);
    const end = room.expirationTime && new Date(room.expirationTime);
    showEnd(end ? `in ${howLong((end - now) / 1000)}` : "never", end ? moment(end) : "");
    showInside(...whoIsInside(room));
    const verb = room.people.includes(VISITOR) ? "leave" : "join";
    door.dataset.verb = verb;
    put(door, verb === "join" ? "Join" : "Leave");
    door.setAttribute("aria-label", `${verb === "join" ? "Join" : "Leave"} ${room.name}`);
  }];
}

/** A room of an account without a number of its own is dialled at a global one. */
function dialStrings(room, global) {
  if (!room.dialinCode) return [];
  const numbers = room.phoneNumbers.length > 0 ? room.phoneNumbers : global.slice(0, 1);
  return numbers.map((number) => `${number},,${room.dialinCode}`);
}

function whoIsInside({ people, callers }) {
  const names = people.join(", ");
  const count = callers.length;
  const calls = count === 0 ? "" : count === 1 ? "1 caller" : `${count} callers`;
  return names ? [names, calls] : [calls || "nobody", ""];
}

function showCalls(calls) {
  fill(tables.calls.tBodies[0], calls, (call) => call.callId, callRow);
}

function callRow({ callId }) {
  const [made, [caller, state, room, dialled, since, end]] = row(tables.calls);
  const showCaller = twoLines(caller);
  const showRoom = twoLines(room);
  dialled.className = "mono";
  end.append(button("danger", "Hang up", `Hang up ${callId}`, () => hangUp(callId)));
  return [made, (call) => {
    showCaller(call.displayName ?? "unnamed", call.callId);
    showOutcome(state, call.outcome);
    showRoom(call.room, `account ${call.account}`);
    put(dialled, call.number);
    put(since, howLong((now - new Date(call.since)) / 1000));
  }];
}

function showOutcome(place, outcome) {
  const [words, className] = OUTCOMES[outcome] ?? [outcome, ""];
  put(place, words);
  place.className = className;
}

function showNumbers({ numbers, global }) {
  fill(tables.numbers.tBodies[0], numbers, (it) => it.phoneNumber, () => {
    const [made, [number, account, config]] = row(tables.numbers);
    const dials = node("div", "dials");
    number.append(dials);
    const showConfig = twoLines(config);
    return [made, (it) => {
      fill(dials, [it.phoneNumber], itself, dialButton);
      put(account, it.account);
      showConfig(...configWords(it.dialinConfig));
    }];
  });
  fill($("global"), global, itself, (number) => {
    const made = node("li");
    made.append(dialButton(number)[0]);
    return [made, () => {}];
  });
}

function configWords(config) {
  if (!config) return ["none: nobody answers", ""];
  const kind = { pin_dialin: "PIN dial-in", pinless_dialin: "pinless dial-in" }[config.type];
  return [kind ?? config.type, [config.namePrefix, config.id].filter(Boolean).join(" \u00b7 ")];
}

function showJournal(entries) {
  const newest = [...entries].reverse();
  const path = (it) => (it.query ? `${it.path}?${it.query}` : it.path);
  const texts = (it) => [
    clockTime.format(new Date(it.time)), it.account ?? "\u2013", it.method, path(it), `${it.status}`, it.fault ?? "",
  ];
  const classes = (it) => ["", "", "", "mono", it.status < 400 ? "good" : "bad", "wait"];
  const make = () => plainRow(tables.journal, texts, classes);
  // A simulator that was started again counts from 1 again.
  fill(tables.journal.tBodies[0], newest, (it) => `${it.seq} ${it.time}`, make);
}

// --- The telephone -----------------------------------------------------------------------------

function makeKeypad() {
  const field = $("dial-string");
  for (const [key, letters, label] of KEYS) {
    const made = button("", key, label ?? key, () => {
      field.value = key === DELETE ? field.value.slice(0, -1) : field.value + key;
    });
    if (letters) {
      const small = node("small", "", letters);
      small.setAttribute("aria-hidden", "true");
      made.append(small);
    }
    $("keys").append(made);
  }
}

async function dial(event) {
  event.preventDefault();
  try {
    const answer = await ask("POST", "/sim/dial", { dialString: $("dial-string").value.trim() });
    mine = { ...answer, isOn: answer.outcome === "InRoom" || answer.outcome === "OnHold" };
  } catch (error) {
    mine = { refusal: error.message };
  }
  showMine();
  poll();
}

/** What became of the call that was placed here, as the list of calls tells it. */
function follow(calls) {
  if (!mine?.isOn) return;
  const live = calls.find((call) => call.callId === mine.callId);
  mine = live ? { ...mine, ...live } : { ...mine, outcome: "Ended", isOn: false };
  showMine();
}

function showMine() {
  if (mine.refusal) {
    put($("outcome"), mine.refusal);
    $("outcome").className = "bad";
  } else {
    showOutcome($("outcome"), mine.outcome);
  }
  const lines = (mine.heard ?? []).map((text, index) => ({ text, key: `${mine.callId} ${index}` }));
  fill($("lines"), lines, (line) => line.key, () => {
    const made = node("li");
    return [made, (line) => put(made, line.text)];
  });
  $("where").hidden = !mine.room;
  put($("where-room"), mine.room ? `${mine.room} (account ${mine.account})` : "");
  put($("where-name"), mine.displayName ?? "unnamed");
  $("end").hidden = !mine.isOn;
}

/** The button goes with the call, so the focus moves on first. */
async function hangUp(callId) {
  const focused = document.activeElement;
  (focused === $("end") ? $("call") : $("calls-title")).focus();
  await change("DELETE", `/sim/calls/${encodeURIComponent(callId)}`);
}

// --- The simulator -----------------------------------------------------------------------------

async function ask(method, path, body) {
  const options = { method, signal: AbortSignal.timeout(PATIENCE) };
  if (body) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options).catch(() => {
    throw new Error("The simulator cannot be reached.");
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The simulator answered ${response.status}.`);
  return answer;
}

/** Changes something, and shows at once what has become of it. */
async function change(method, path, body) {
  try {
    await ask(method, path, body);
    refusedAt = -Infinity;
  } catch (error) {
    refusedAt = performance.now();
    tell(error.message);
  }
  poll();
}

function tell(sentence) {
  put($("trouble"), sentence);
  $("trouble").hidden = false;
}

async function poll() {
  clearTimeout(timer);
  turn += 1;
  const mineNow = turn;
  const paths = ["clock", "rooms", "numbers", "calls", `journal?last=${LAST_CALLS}`];
  try {
    const answers = await Promise.all(paths.map((path) => ask("GET", `/sim/${path}`)));
    if (mineNow === turn) show(answers);
  } catch (error) {
    const since = lastSeen ? ` The last update was at ${clockTime.format(lastSeen)}.` : "";
    if (mineNow === turn) tell(`${error.message}${since} Retrying every second.`);
  }
  // A newer poll goes on by itself, and nobody looks at a hidden page.
  if (mineNow === turn && !document.hidden) timer = setTimeout(poll, POLL_EVERY);
}

function show([clock, rooms, numbers, { calls }, { entries }]) {
  lastSeen = new Date();
  if (performance.now() - refusedAt > REFUSAL_STAYS) $("trouble").hidden = true;
  now = new Date(clock.now);
  put($("now"), clockTime.format(now));
  $("now").dateTime = clock.now;
  put($("ahead"), clock.aheadSeconds > 0 ? `${howLong(clock.aheadSeconds)} ahead` : "");
  showRooms(rooms, numbers.global);
  showNumbers(numbers);
  showCalls(calls);
  showJournal(entries);
  follow(calls);
  document.querySelector("main").ariaBusy = "false";
}

function start() {
  for (const table of Object.values(tables)) {
    // To some browsers what a narrow window lays out as blocks is a table no more, unless it says so.
    table.setAttribute("role", "table");
    for (const group of [table.tHead, ...table.tBodies]) group.setAttribute("role", "rowgroup");
    table.tHead.rows[0].setAttribute("role", "row");
    for (const cell of table.tHead.rows[0].cells) cell.setAttribute("role", "columnheader");
  }
  put($("base-url"), `${location.origin}/v1`);
  makeKeypad();
  $("phone").addEventListener("submit", dial);
  $("end").addEventListener("click", () => hangUp(mine.callId));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else poll();
  });
  poll();
}

start();
