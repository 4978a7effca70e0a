// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { announce, element, save, setHidden, setNote, whileBusy } from "./dom";
import { dropSession, loadSessionOf, type Session, STAFF } from "./session";
import { signInSilently, staffSession } from "./staff-session";
import { service, t } from "./strings";
import type { Call, Reading } from "./transcript-types";
import { TranscriptView } from "./transcript-view";

/** How often a text that is still being written is looked at. */
const LOOK_AGAIN_MS = 5_000;
const CHANGING = new Set(["live", "queued", "running"]);

const meetingId = document.body.dataset["meeting"] ?? "";
const language = document.body.dataset["lang"] ?? "en";
const day = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(language, { dateStyle: "long" });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The text of a meeting's calls: read, searched, corrected, downloaded; and the meeting's glossary. */
class TranscriptPage {
  readonly #calls = element<HTMLSelectElement>("calls");
  readonly #find = element<HTMLInputElement>("find");
  readonly #view: TranscriptView;
  #reading: Reading | null = null;

  constructor(readonly session: Session) {
    this.#view = new TranscriptView(
      element<HTMLOListElement>("turns"),
      (line, text) => bridge.correct(session.token, meetingId, this.#shown(), line, text),
      async (line) => (await bridge.history(session.token, meetingId, this.#shown(), line)).corrections,
    );
    this.#calls.addEventListener("change", () => void this.#guard(() => this.#open(this.#calls.value)));
    this.#find.addEventListener("input", () => this.#filter());
    element<HTMLFormElement>("download").addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(element<HTMLButtonElement>("download-start"), () => this.#guard(() => this.#download()));
    });
    element<HTMLFormElement>("glossary-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(element<HTMLButtonElement>("glossary-save"), () => this.#saveGlossary());
    });
  }

  async start(): Promise<void> {
    const { title, calls } = await bridge.calls(this.session.token, meetingId);
    document.title = `${t("transcript_of", { title })} · ${service}`;
    element("transcript-title").textContent = title;
    setHidden("opening", true);
    setHidden("view-transcript", false);
    element("transcript-title").focus();
    const wanted = new URLSearchParams(location.hash.slice(1));
    this.#calls.replaceChildren(...calls.map(option));
    setHidden("calls-field", calls.length < 2);
    setHidden("transcript-none", calls.length > 0);
    setHidden("transcript-tools", calls.length === 0);
    await this.#openGlossary();
    const first = calls.find((call) => call.call_id === wanted.get("call")) ?? calls[0];
    if (!first) return;
    this.#calls.value = first.call_id;
    await this.#open(first.call_id);
    this.#view.reveal(wanted.get("line") ?? "");
    setInterval(() => void this.#lookAgain(), LOOK_AGAIN_MS);
  }

  async #open(callId: string): Promise<void> {
    const reading = await bridge.transcript(this.session.token, meetingId, callId);
    this.#reading = reading;
    this.#view.show(reading);
    this.#filter();
    element("transcript-when").textContent = day.formatRange(reading.started_ms, reading.ended_ms);
    const { model } = reading;
    const written = model ? `${model.name} ${model.version} · ${model.engine} · ${model.host}` : null;
    setNote("transcript-model", written && t(model?.not_used_for_training ? "written_by_unused" : "written_by", { model: written }));
    const deleted = reading.delete_at_ms;
    setNote("transcript-kept", deleted === null ? null : t("deleted_on", { date: date.format(deleted) }));
    const state = reading.final && reading.state === "done" ? null : t(`state_${reading.state}`);
    const note = element("transcript-state");
    if (note.textContent !== (state ?? "")) setNote("transcript-state", state);
    const progress = element<HTMLProgressElement>("transcript-progress");
    progress.hidden = reading.state !== "running" && reading.state !== "queued";
    progress.value = reading.done;
  }

  #shown(): Reading {
    if (!this.#reading) throw new Error("nothing is shown");
    return this.#reading;
  }

  async #lookAgain(): Promise<void> {
    if (!this.#reading || !CHANGING.has(this.#reading.state) || this.#view.editing || document.hidden) return;
    await this.#open(this.#reading.call_id).catch(() => undefined); // the next look says what is wrong, if it still is
  }

  #filter(): void {
    const found = this.#view.filter(this.#find.value);
    element("find-count").textContent = this.#find.value.trim() ? t("lines_found", { count: found }) : "";
  }

  async #download(): Promise<void> {
    if (!this.#reading) return;
    const query = { format: element<HTMLSelectElement>("download-format").value, lang: language, tz: zone };
    const file = await bridge.exportTranscript(this.session.token, meetingId, this.#reading.call_id, query);
    save(file);
    announce(t("downloaded", { name: file.name }));
  }

  async #openGlossary(): Promise<void> {
    const { terms } = await bridge.glossary(this.session.token, meetingId);
    const meeting = await bridge.meeting(this.session.token, meetingId);
    const mine = meeting.organizer === this.session.user.id;
    const field = element<HTMLTextAreaElement>("glossary-terms");
    field.value = terms.join("\n");
    field.readOnly = !mine;
    setHidden("glossary-save", !mine);
    setHidden("glossary", !mine && terms.length === 0);
  }

  async #saveGlossary(): Promise<void> {
    const field = element<HTMLTextAreaElement>("glossary-terms");
    try {
      const { terms } = await bridge.saveGlossary(this.session.token, meetingId, field.value.split("\n"));
      field.value = terms.join("\n");
      setNote("glossary-note", t("glossary_saved"));
    } catch (error) {
      setNote("glossary-note", explain(error));
    }
  }

  async #guard(action: () => Promise<void>): Promise<void> {
    setNote("transcript-error", null);
    try {
      await action();
    } catch (error) {
      setNote("transcript-error", explain(error));
    }
  }
}

function option(call: Call): HTMLOptionElement {
  const made = document.createElement("option");
  made.value = call.call_id;
  made.textContent = day.formatRange(call.started_ms, call.ended_ms);
  return made;
}

function askToSignIn(): void {
  setHidden("opening", true);
  setHidden("view-sign-in", false);
}

async function start(): Promise<void> {
  try {
    const session = (await staffSession()) ?? loadSessionOf(meetingId);
    if (session) await new TranscriptPage(session).start();
    else if (!signInSilently()) askToSignIn();
  } catch (error) {
    if (error instanceof BridgeError && error.status === 401) {
      dropSession(STAFF);
      askToSignIn();
    } else {
      setHidden("opening", true);
      const closed = error instanceof BridgeError && (error.status === 403 || error.status === 404);
      setNote("transcript-error", closed ? t("transcript_closed") : explain(error));
    }
  }
}

void start();
