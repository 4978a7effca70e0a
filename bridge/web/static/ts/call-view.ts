// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { CallSeat, type Seat } from "./call-seat";
import type { CallWidget, DeviceChoice } from "./call-widget";
import { bridge } from "./bridge-api";
import { CaptionsControl, type CaptionsState } from "./captions-control";
import { CaptionsFeed } from "./captions-feed";
import type { Segment, Translation } from "./captions-model";
import { CaptionsPane } from "./captions-pane";
import { announce, element, setHidden, setNote, showAgenda } from "./dom";
import { InviteDialog } from "./invite-dialog";
import type { MatrixEvent } from "./matrix-client";
import type { RoomSync } from "./room-sync";
import type { Meeting, Session } from "./session";
import { service, t } from "./strings";
import { showProblem, showView } from "./views";

const SLOW_MS = 12_000;
const GIVE_UP_MS = 60_000;
/** Element Call needs a moment to say goodbye; a click on Leave must not wait for ever. */
const HANG_UP_MS = 3_000;

type FeedState = "open" | "cut" | "denied";

let pane: CaptionsPane | null = null;

/** One stay in a meeting: Element Call, the room behind it, and the captions. Used once; coming back makes a new one. */
export class CallView {
  readonly #sync: RoomSync;
  readonly #widget: CallWidget;
  readonly #captions: CaptionsControl;
  readonly #feed: CaptionsFeed;
  readonly #pane: CaptionsPane;
  readonly #timers: number[] = [];
  #choice: DeviceChoice = { audio: true, video: true, audioLabel: null, videoLabel: null };
  #captionsState: CaptionsState = "off";
  #feedState: FeedState = "open";
  #host = false;
  #joined = false;
  #over = false;

  constructor(
    readonly session: Session,
    readonly meeting: Meeting,
    readonly onSessionEnd: () => void,
    prepared: CallSeat | null = null,
  ) {
    this.#pane = pane ??= new CaptionsPane();
    const { access_token, ...account } = session.matrix;
    const taken = seatFor({ ...account, room_id: meeting.room_id }, prepared);
    taken.authorise(access_token);
    this.#sync = taken.sync;
    this.#widget = taken.widget;
    this.#widget.listen(
      {
        onJoined: () => this.#onJoined(),
        onClosed: () => this.#leave(),
        onDevices: (audio, video) => (this.#choice = { ...this.#choice, audio, video }),
      },
      meeting.title,
    );
    this.#captions = new CaptionsControl(
      this.#sync,
      document.body.dataset["captionsBot"] ?? "",
      (state) => this.#onCaptions(state),
      announce,
    );
    this.#feed = new CaptionsFeed(meeting.id, session.token, {
      onSegment: (segment: Segment) => this.#pane.take(segment),
      onTranslation: (translation: Translation) => this.#pane.translate(translation),
      onLive: () => this.#pane.readOut(),
      onConnection: (connected) => this.#onFeed(connected ? "open" : "cut"),
      onDenied: () => this.#onFeed("denied"),
    });
    element("call-title").textContent = meeting.title;
    showAgenda("call-agenda", meeting.agenda);
    this.#letCorrect();
    this.#sync.start({
      onState: (event, initial) => this.#onState(event, initial),
      onTimeline: (event) => this.#widget.feedTimeline(event),
      onToDevice: (event) => this.#widget.feedToDevice(event),
      onConnection: (connected) => this.#onConnection(connected),
      onLost: () => this.#onLost(),
    });
  }

  /** Enters the call with what was chosen in the device check. */
  join(choice: DeviceChoice): void {
    this.#choice = choice;
    document.title = `${this.meeting.title} · ${service}`;
    const stage = element("view-call");
    stage.classList.remove("stage-warming");
    stage.inert = false;
    showView("call");
    setHidden("connecting", false);
    element("connecting-text").textContent = t("connecting");
    element("call-title").focus();
    element("leave").onclick = () => void this.#hangUp();
    this.#after(SLOW_MS, () => (element("connecting-text").textContent = t("connecting_slow")));
    this.#after(GIVE_UP_MS, () => this.#fail("call"));
    this.#feed.start();
    void this.#captions.agreeAsAsked();
    void this.#widget.join(choice);
  }

  #after(delayMs: number, action: () => void): void {
    this.#timers.push(
      window.setTimeout(() => {
        if (!this.#joined && !this.#over) action();
      }, delayMs),
    );
  }

  #onState(event: MatrixEvent, initial: boolean): void {
    if (!initial) this.#widget.feedState(event);
    this.#captions.takeState(event);
    if (this.#host !== this.#isHost()) this.#letCorrect();
    const invite = element<HTMLButtonElement>("open-invite");
    const hosts = element<HTMLAnchorElement>("open-host");
    hosts.hidden = invite.hidden = this.session.user.door !== "staff" || !this.#captions.mayOrganize;
    hosts.href = `/m/${encodeURIComponent(this.meeting.id)}/host`;
    invite.onclick = () => {
      dialog ??= new InviteDialog(() => token);
      token = this.session.token;
      dialog.open(this.meeting);
    };
  }

  /** Whom the bridge lets correct every line. */
  #isHost(): boolean {
    return this.meeting.organizer === this.session.matrix.user_id || this.#captions.mayOrganize;
  }

  #letCorrect(): void {
    this.#host = this.#isHost();
    this.#pane.letCorrect({
      userId: this.session.matrix.user_id,
      host: this.#host,
      correct: (segment, text) => bridge.correctCaption(this.session.token, this.meeting.id, segment, text),
    });
  }

  #onConnection(connected: boolean): void {
    setNote("banner", connected ? null : t("sync_lost"));
    if (connected) announce(t("sync_back"));
  }

  #onCaptions(state: CaptionsState): void {
    this.#captionsState = state;
    const off = this.#captions.mayOrganize ? "captions_off_organizer" : "captions_off";
    const room = { off, waiting: "captions_waiting", on: "captions_on", ending: "captions_ending" }[state];
    const cut = state === "off" ? room : "captions_reconnecting";
    const told = { open: room, cut, denied: "captions_denied" }[this.#feedState];
    this.#pane.setStatus(t(told), told === room ? state : this.#feedState);
  }

  #onFeed(state: FeedState): void {
    this.#feedState = state;
    this.#onCaptions(this.#captionsState);
  }

  #onJoined(): void {
    if (this.#joined) return;
    this.#joined = true;
    setHidden("connecting", true);
    announce(t("in_call"));
    performance.mark("passerelle-joined");
    this.#widget.focus();
  }

  async #hangUp(): Promise<void> {
    if (this.#joined) {
      const patience = new Promise((resolve) => setTimeout(resolve, HANG_UP_MS));
      await Promise.race([this.#widget.hangUp(), patience]);
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#end();
    element<HTMLAnchorElement>("left-transcript").href = `/m/${encodeURIComponent(this.meeting.id)}/transcript`;
    element("rejoin").onclick = () => this.#again();
    showView("left");
  }

  #again(): void {
    new CallView(this.session, this.meeting, this.onSessionEnd).join(this.#choice);
  }

  #fail(kind: string): void {
    if (this.#over) return;
    this.#end();
    showProblem(kind, { retry: () => this.#again() });
  }

  #onLost(): void {
    if (this.#over) return;
    this.#end();
    this.onSessionEnd();
    showProblem("session");
  }

  #end(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#widget.stop();
    this.#feed.stop();
    this.#captions.stop();
    this.#sync.stop();
    setNote("banner", null);
  }
}

function seatFor(seat: Seat, prepared: CallSeat | null): CallSeat {
  if (prepared?.fits(seat)) return prepared;
  prepared?.stop();
  return new CallSeat(seat);
}

let dialog: InviteDialog | null = null;
let token = "";
