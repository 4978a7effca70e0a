// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setHidden, setNote, whileBusy } from "./dom";
import { type MatrixEvent, MatrixError } from "./matrix-client";
import type { RoomSync } from "./room-sync";
import { t } from "./strings";

const CONSENT = "org.passerelle.captions.consent";
const CALL_MEMBER = "org.matrix.msc3401.call.member";
/** Who may ask the captions in, and send them away (docs/ARCHITECTURE.md). */
export const ORGANIZER_LEVEL = 50;

/** Ends captions so that the bot can hand over its transcript before it goes (docs/ARCHITECTURE.md). */
const OFF_COMMAND = "!captions off";
const TILE_COMMAND = "!captions tile";
const TILE_OFF_COMMAND = "!captions tile off";
/** A bot that has not gone by then is removed: stopped must mean stopped. */
const ENDING_MS = 20_000;

export type CaptionsState = "off" | "waiting" | "on" | "ending";

/** Starting, stopping and agreeing to captions: room state, read and written with the person's own token. */
export class CaptionsControl {
  readonly #switch = element<HTMLButtonElement>("captions-switch");
  readonly #consent = element<HTMLInputElement>("consent-live");
  readonly #asked = element<HTMLInputElement>("consent");

  #ending: number | null = null;
  /** What was chosen and is not written down yet. */
  #chosen: boolean | null = null;

  constructor(
    readonly sync: RoomSync,
    readonly bot: string,
    readonly onState: (state: CaptionsState) => void,
    readonly say: (text: string) => void,
  ) {
    this.#switch.onclick = () => void whileBusy(this.#switch, () => this.#toggle());
    const [on, off] = [element<HTMLButtonElement>("captions-tile-on"), element<HTMLButtonElement>("captions-tile-off")];
    on.onclick = () => void whileBusy(on, () => this.#command(TILE_COMMAND, "captions_tile_asked"));
    off.onclick = () => void whileBusy(off, () => this.#command(TILE_OFF_COMMAND, "captions_tile_ended"));
    this.#consent.onchange = () => void this.#give(this.#consent.checked);
  }

  get state(): CaptionsState {
    const membership = this.sync.state("m.room.member", this.bot)?.content["membership"];
    if (membership !== "join" && membership !== "invite") return "off";
    if (this.#ending !== null) return "ending";
    const inCall = this.sync.stateOfType(CALL_MEMBER).some((event) => event.sender === this.bot && Object.keys(event.content).length > 0);
    return inCall ? "on" : "waiting";
  }

  get mayOrganize(): boolean {
    return this.sync.powerLevel(this.sync.client.account.user_id) >= ORGANIZER_LEVEL;
  }

  /** Follows the room: whether captions run, and what this person has agreed to. */
  takeState(event: MatrixEvent): void {
    if (event.type === CONSENT && event.state_key === this.sync.client.account.user_id && this.#chosen === null) {
      this.#consent.checked = this.#asked.checked = event.content["allow"] === true;
    }
    this.refresh();
  }

  refresh(): void {
    const { state } = this;
    if (state === "off") this.#endEnding();
    this.#switch.hidden = !this.mayOrganize || this.bot === "";
    this.#switch.dataset["captionsState"] = state;
    setHidden("captions-tile", state !== "on");
    const text = element("captions-switch-text");
    text.textContent = (state === "off" ? text.dataset["start"] : text.dataset["stop"]) ?? "";
    this.onState(state);
  }

  stop(): void {
    this.#endEnding();
  }

  /** Writes down what was chosen at the door, if it differs from what the room knows. */
  async agreeAsAsked(): Promise<void> {
    await this.sync.ready;
    const known = this.sync.state(CONSENT, this.sync.client.account.user_id)?.content["allow"] === true;
    this.#consent.checked = this.#asked.checked;
    if (this.#asked.checked !== known) await this.#give(this.#asked.checked);
  }

  async #give(allow: boolean): Promise<void> {
    const underWay = this.#chosen !== null;
    this.#chosen = allow;
    if (underWay) return;
    let written = !allow;
    try {
      // One at a time: of two requests at once the older one could be the last to be written, and undo a withdrawal.
      while (written !== this.#chosen) {
        const next = this.#chosen;
        await this.sync.client.send(CONSENT, { allow: next }, { stateKey: this.sync.client.account.user_id });
        written = next;
      }
      this.say(t(written ? "consent_given" : "consent_withdrawn"));
    } catch {
      setNote("banner", t("consent_failed"));
    }
    this.#chosen = null;
    this.#consent.checked = this.#asked.checked = written;
  }

  async #toggle(): Promise<void> {
    const { client } = this.sync;
    try {
      if (this.state === "off") {
        await client.invite(this.bot);
        this.say(t("captions_started"));
      } else if (this.state === "on") {
        await this.#write(OFF_COMMAND);
        this.#ending = window.setTimeout(() => void this.#remove(), ENDING_MS);
        this.refresh();
        this.say(t("captions_stopped"));
      } else {
        await this.#remove();
        this.say(t("captions_stopped"));
      }
      setNote("banner", null);
    } catch (error) {
      this.#explain(error);
    }
  }

  async #command(text: string, done: string): Promise<void> {
    try {
      await this.#write(text);
      this.say(t(done));
    } catch (error) {
      this.#explain(error);
    }
  }

  /** Says something to the bot, in the room, where everybody sees who said it. */
  async #write(body: string): Promise<void> {
    await this.sync.client.send("m.room.message", { msgtype: "m.text", body, "m.mentions": {} });
  }

  async #remove(): Promise<void> {
    this.#endEnding();
    try {
      await this.sync.client.kick(this.bot, "captions stopped");
    } catch (error) {
      this.#explain(error);
    }
  }

  #endEnding(): void {
    if (this.#ending !== null) window.clearTimeout(this.#ending);
    this.#ending = null;
  }

  #explain(error: unknown): void {
    const reason = error instanceof MatrixError ? error.message : t("error_network");
    setNote("banner", t("captions_failed", { reason }));
  }
}
