"use strict";
(() => {
  const runs = JSON.parse(document.getElementById("data").textContent);

  // Texts only ever become text nodes: what a model wrote is never read as markup.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const numbers = (ranges) => (ranges === "" ? [] : ranges.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }));
  const points = (value) => String(Math.round(value * 100) / 100);

  const build = (box) => {
    const run = runs[Number(box.dataset.run)];
    const rounds = run.rounds;
    const harms = run.harms.map((list) => new Set(list));
    const word = (move) => run.words[move] ?? String(move);
    const text = (number) => run.texts[number];
    const said = (played, seat) => played.acts.filter((act) => act[0] === seat)
      .map((act) => act[3] + (act[2] ? " (trembled)" : "")).join(", then ");
    const sign = (played) => played.valid
      ? played.kind.map((kind) => (kind === null ? "-" : kind >= 0.5 ? "k" : "u")).join("") +
        (played.turns.some((turn) => turn.status !== "ok") ? "!" : "") +
        (played.acts.some((act) => act[2]) ? "~" : "")
      : "invalid";
    const signs = rounds.map(sign);
    const totals = [];
    rounds.reduce((sum, played) => {
      const next = played.pay.length ? played.pay.map((paid, i) => paid + (sum[i] ?? 0)) : sum;
      totals.push(next);
      return next;
    }, []);

    const button = (words) => make("button", { type: "button" }, words);
    const first = button("Previous"), next = button("Next");
    const before = button("Previous change"), after = button("Next change");
    const slider = make("input", { type: "range", min: 0, max: rounds.length - 1, step: 1, "aria-label": "Round" });
    const now = make("p", { class: "now", "aria-live": "polite" });
    const seats = make("div", { class: "seats" });
    const viewer = box.querySelector(".viewer");
    viewer.append(make("div", { class: "controls" }, first, slider, next, before, after), now, seats);
    viewer.append(make("p", { class: "note" }, "Keys: ← and → step by a round, Home and End go to the first and last, n and p to the next and previous change. A click on a bar goes there."));
    viewer.hidden = false;

    const change = (from, step) => {
      for (let at = from + step; at >= 0 && at < rounds.length; at += step) {
        if (at === 0 || signs[at] !== signs[at - 1]) return at;
      }
      return from;
    };
    const cursors = [...box.querySelectorAll(".lanes svg")].map((svg) => {
      const mark = svg.querySelector(".here");
      svg.addEventListener("click", (event) => {
        const frame = svg.getBoundingClientRect();
        show(Math.floor(((event.clientX - frame.left) / frame.width) * rounds.length));
      });
      return mark;
    });

    const remembered = (seat, turn) => {
      if (turn.memory === null) return [make("p", { class: "note" }, "The log does not hold the memory's text.")];
      const lines = numbers(turn.memory);
      const harmful = lines.filter((line) => harms[seat].has(line)).length;
      const head = make("h4", {}, lines.length
        ? `Remembered: ${lines.length} ${lines.length === 1 ? "line" : "lines"}, ${harmful} of a harm` : "Remembered: nothing");
      if (!lines.length) return [head];
      const list = make("ol", { class: "remembered", tabindex: 0, "aria-label": `What seat ${seat + 1} remembered` });
      for (const line of lines) {
        const item = make("li");
        if (harms[seat].has(line)) {
          item.className = "harm";
          item.append(make("span", { class: "badge" }, "harm"), " ");
        }
        item.append(run.memories[seat][line]);
        list.append(item);
      }
      return [head, list];
    };
    const asked = (seat, turn) => {
      const parts = remembered(seat, turn);
      if (turn.ask !== null) {
        parts.push(make("h4", {}, "Was asked"), make("pre", {}, numbers(turn.ask).map(text).join("\n")));
      }
      turn.replies.forEach((reply, i) => {
        const wrong = turn.errors[i];
        parts.push(make("h4", {}, turn.replies.length > 1 ? `Replied, try ${i + 1}` : "Replied"), make("pre", {}, text(reply)));
        if (wrong !== undefined) parts.push(make("p", { class: "wrong" }, `Refused: ${text(wrong)}`));
      });
      const status = { ok: "", reasked: " · asked again", invalid: " · no legal move: the round is invalid" }[turn.status] ?? "";
      const decided = turn.move === null ? "nothing" : word(turn.move);
      parts.push(make("p", { class: "note" }, `Decided: ${decided}${status} · ${turn.tokens[0]} tokens in, ${turn.tokens[1]} out`));
      return parts;
    };
    const card = (played, at, seat) => {
      const did = said(played, seat) || "no move";
      const paid = played.pay.length ? ` · ${points(played.pay[seat])} points, ${points(totals[at][seat])} so far` : "";
      const element = make("section", { class: "seat", "aria-label": `Seat ${seat + 1}` },
        make("h3", {}, `Seat ${seat + 1}: ${run.seats[seat]}`), make("p", { class: "did" }, did + paid));
      const turns = played.turns.filter((turn) => turn.seat === seat);
      for (const turn of turns) element.append(...asked(seat, turn));
      if (turns.length && run.systems[seat] !== undefined) {
        element.append(make("details", {}, make("summary", {}, "The rules as it was told them"), make("pre", {}, text(run.systems[seat]))));
      }
      return element;
    };

    let place = -1;
    const show = (wanted) => {
      const at = Math.max(0, Math.min(rounds.length - 1, wanted));
      if (at === place) return;
      place = at;
      const played = rounds[at];
      const moves = run.seats.map((_, seat) => `seat ${seat + 1} ${said(played, seat) || "no move"}`);
      const words = `Round ${played.n} of ${rounds.at(-1).n}${played.valid ? "" : ", invalid"}: ${moves.join("; ")}`;
      slider.value = at;
      slider.setAttribute("aria-valuetext", `Round ${played.n}`);
      now.textContent = words;
      const inside = seats.contains(document.activeElement);
      seats.replaceChildren(...run.seats.map((_, seat) => card(played, at, seat)));
      for (const list of seats.querySelectorAll(".remembered")) list.scrollTop = list.scrollHeight;
      if (inside) slider.focus();
      for (const mark of cursors) mark.setAttribute("x", at);
      first.disabled = at === 0;
      next.disabled = at === rounds.length - 1;
      before.disabled = change(at, -1) === at;
      after.disabled = change(at, 1) === at;
    };
    const go = {
      ArrowLeft: () => show(place - 1), ArrowRight: () => show(place + 1),
      Home: () => show(0), End: () => show(rounds.length - 1),
      n: () => show(change(place, 1)), p: () => show(change(place, -1)),
    };
    first.addEventListener("click", go.ArrowLeft);
    next.addEventListener("click", go.ArrowRight);
    before.addEventListener("click", go.p);
    after.addEventListener("click", go.n);
    slider.addEventListener("input", () => show(Number(slider.value)));
    viewer.addEventListener("keydown", (event) => {
      const plain = !event.altKey && !event.ctrlKey && !event.metaKey;
      const own = event.target === slider && event.key.length > 1;
      const scrolls = event.target.closest(".remembered, pre");
      if (!plain || own || scrolls || !Object.hasOwn(go, event.key)) return;
      event.preventDefault();
      go[event.key]();
    });
    const hurt = rounds.findIndex((played) => played.turns.some((turn) =>
      turn.memory !== null && numbers(turn.memory).some((line) => harms[turn.seat].has(line))));
    show(hurt < 0 ? 0 : hurt); // where a harm is first remembered
  };

  for (const box of document.querySelectorAll(".run")) {
    const once = () => {
      if (box.open && box.querySelector(".viewer").hidden) build(box);
    };
    box.addEventListener("toggle", once);
    once();
  }
})();
