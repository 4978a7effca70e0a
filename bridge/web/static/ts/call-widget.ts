// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { ClientWidgetApi, type IWidgetApiRequest, type IWidgetApiRequestData, Widget } from "matrix-widget-api";

import { CallDriver } from "./call-driver";
import type { MatrixEvent } from "./matrix-client";
import type { RoomSync } from "./room-sync";

const WIDGET_ID = "passerelle-call";
const FRAME_RIGHTS = "camera; microphone; display-capture; autoplay; clipboard-write; fullscreen";

/** The person's choices in the device check; labels because device ids differ from frame to frame. */
export interface DeviceChoice {
  audio: boolean;
  video: boolean;
  audioLabel: string | null;
  videoLabel: string | null;
}

export interface CallListener {
  onJoined(): void;
  onClosed(): void;
  onDevices(audio: boolean, video: boolean): void;
}

/** Element Call, unmodified, as a widget in an iframe of ours: loaded at once, in the call when we say so. */
export class CallWidget {
  readonly #driver: CallDriver;
  readonly #iframe = document.createElement("iframe");
  readonly #api: ClientWidgetApi;
  readonly #dark = window.matchMedia("(prefers-color-scheme: dark)");
  #negotiated!: () => void;
  readonly #ready = new Promise<void>((resolve) => (this.#negotiated = resolve));
  #listener: CallListener | null = null;
  #stopped = false;

  constructor(container: HTMLElement, sync: RoomSync, lang: string) {
    const { account, roomId } = sync.client;
    this.#driver = new CallDriver(sync.client, sync);
    const url = this.#address(sync, lang);
    const widget = new Widget({ id: WIDGET_ID, creatorUserId: account.user_id, type: "m.custom", url, waitForIframeLoad: false });
    this.#iframe.allow = FRAME_RIGHTS;
    container.replaceChildren(this.#iframe); // the API below looks for a frame that is in the document
    this.#api = new ClientWidgetApi(widget, this.#iframe, this.#driver);
    this.#api.setViewedRoomId(roomId);
    this.#api.once("capabilitiesNotified", () => {
      performance.mark("passerelle-warm");
      this.#negotiated();
    });
    this.#answer("set_always_on_screen", () => undefined, { success: true });
    this.#answer("io.element.join", () => this.#listener?.onJoined());
    this.#answer("io.element.close", () => this.#listener?.onClosed());
    this.#answer("im.vector.hangup", () => undefined);
    this.#answer("io.element.device_mute", ({ audio_enabled, video_enabled }) =>
      this.#listener?.onDevices(audio_enabled === true, video_enabled === true),
    );
    this.#dark.addEventListener("change", this.#onTheme);
    window.addEventListener("pagehide", this.#onPageHide);
    this.#iframe.src = url;
  }

  /** Says whom to tell what happens, and what the frame is called. */
  listen(listener: CallListener, title: string): void {
    this.#listener = listener;
    this.#iframe.title = title;
  }

  /** Puts Element Call into the call. Resolves when it was told, which is before it is connected. */
  async join(choice: DeviceChoice): Promise<void> {
    this.#driver.askAhead();
    await this.#ready;
    if (this.#stopped) return;
    if (!choice.audio || !choice.video) {
      await this.#tell("io.element.device_mute", { audio_enabled: choice.audio, video_enabled: choice.video });
    }
    await this.#tell("io.element.join", { audioInput: choice.audioLabel, videoInput: choice.videoLabel });
  }

  async hangUp(): Promise<void> {
    await this.#tell("im.vector.hangup", {});
  }

  feedState(event: MatrixEvent): void {
    this.#feed(this.#api.feedStateUpdate(event));
  }

  feedTimeline(event: MatrixEvent): void {
    this.#feed(this.#api.feedEvent(event));
  }

  feedToDevice(event: MatrixEvent): void {
    this.#feed(this.#api.feedToDevice(event, false));
  }

  focus(): void {
    this.#iframe.focus();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dark.removeEventListener("change", this.#onTheme);
    window.removeEventListener("pagehide", this.#onPageHide);
    this.#driver.leaveNow();
    this.#api.stop();
    this.#iframe.remove();
  }

  readonly #onTheme = (): void => {
    this.#api.updateTheme({ name: this.#dark.matches ? "dark" : "light" }).catch(() => undefined);
  };

  readonly #onPageHide = (): void => this.#driver.leaveNow();

  #address(sync: RoomSync, lang: string): string {
    const { account, roomId } = sync.client;
    const parameters = new URLSearchParams({
      widgetId: WIDGET_ID,
      // Element Call takes the origin from it; the path may hold an invite's secret and stays here.
      parentUrl: `${location.origin}/`,
      userId: account.user_id,
      deviceId: account.device_id,
      roomId,
      baseUrl: account.base_url,
      lang,
      theme: this.#dark.matches ? "dark" : "light",
      intent: "join_existing",
      preload: "true",
      skipLobby: "true",
      perParticipantE2EE: "false",
      header: "none",
      // On phones Element Call expects an app around it that switches loudspeakers; a browser does that itself.
      controlledAudioDevices: "false",
      // Its fallback is a public server of somebody else.
      allowIceFallback: "false",
      background: "solid",
    });
    return new URL(`/ec/index.html#?${parameters.toString()}`, location.origin).href;
  }

  #answer(action: string, take: (data: IWidgetApiRequestData) => void, reply: IWidgetApiRequestData = {}): void {
    this.#api.on(`action:${action}`, (event: CustomEvent<IWidgetApiRequest>) => {
      event.preventDefault();
      this.#api.transport.reply(event.detail, reply);
      take(event.detail.data);
    });
  }

  /** A late answer is no failure: what Element Call does is seen by what it tells us. */
  async #tell(action: string, data: IWidgetApiRequestData): Promise<void> {
    // The widget API's type lists only its own actions; Element Call's are extra ones.
    const send = this.#api.transport.send.bind(this.#api.transport) as unknown as (action: string, data: IWidgetApiRequestData) => Promise<unknown>;
    await send(action, data).catch((error: unknown) => console.warn("Element Call has not answered", action, error));
  }

  #feed(done: Promise<void>): void {
    done.catch((error: unknown) => {
      if (!this.#stopped) console.warn("Element Call has not taken an event", error);
    });
  }
}
