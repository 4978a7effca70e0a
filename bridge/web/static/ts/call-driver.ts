// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import {
  type IOpenIDUpdate,
  type IRoomEvent,
  type IRtcTransportsResult,
  type IReadEventRelationsResult,
  type ISendDelayedEventDetails,
  type ISendEventDetails,
  type IWidgetApiErrorResponseDataDetails,
  OpenIDRequestState,
  type SimpleObservable,
  WidgetDriver,
} from "matrix-widget-api";

import { approvedCapabilities } from "./capabilities";
import { type MatrixClient, MatrixError, type OpenIdToken } from "./matrix-client";
import type { RoomSync } from "./room-sync";

const CALL_MEMBER = "org.matrix.msc3401.call.member";
/** Tokens that Element Call 0.26 asks for at once, for its own media server. */
const TOKENS_AHEAD = 2;
/** By then Element Call knows its own media server, or the other way round is better than none. */
const HOLD_MS = 4_000;
/** stops: a widget from asking for a whole room's history at once. */
const MAX_TIMELINE = 100;

/** Does for Element Call what a Matrix client does for a widget, in one room with one account. */
export class CallDriver extends WidgetDriver {
  /** Leaves that the homeserver would send by itself; sent at once when the page goes away. */
  readonly #scheduled = new Set<string>();
  /** What Element Call will ask for as soon as it joins, asked for meanwhile; each is handed out once. */
  readonly #tokens: Promise<OpenIdToken>[] = [];
  #transports: Promise<IRtcTransportsResult> | null = null;
  /** From the join until Element Call asks for its own media server. */
  #listensOnly = false;

  constructor(
    readonly client: MatrixClient,
    readonly sync: RoomSync,
  ) {
    super();
  }

  /** Asks now for what a join needs first; Element Call would ask for one after the other. */
  askAhead(): void {
    this.#listensOnly = true;
    this.#transports = this.client.rtcTransports();
    while (this.#tokens.length < TOKENS_AHEAD) this.#tokens.push(this.client.openIdToken());
    for (const asked of [this.#transports, ...this.#tokens]) asked.catch(() => undefined); // said to whoever gets it
  }

  /** Sends every scheduled leave now; works while the page unloads. */
  leaveNow(): void {
    for (const id of this.#scheduled) {
      this.client.updateDelayedEvent(id, "send", { keepalive: true }).catch(() => undefined);
    }
    this.#scheduled.clear();
  }

  override validateCapabilities(requested: Set<string>): Promise<Set<string>> {
    const { user_id, device_id } = this.client.account;
    const approved = approvedCapabilities(this.client.roomId, user_id, device_id);
    return Promise.resolve(new Set([...requested].filter((capability) => approved.has(capability))));
  }

  override async sendEvent(type: string, content: unknown, stateKey: string | null = null, roomId: string | null = null): Promise<ISendEventDetails> {
    this.#onlyHere(roomId);
    const { event_id } = await this.client.send(type, content, { stateKey });
    return { roomId: this.client.roomId, eventId: event_id };
  }

  override async sendStickyEvent(stickyMs: number, type: string, content: unknown, roomId: string | null = null): Promise<ISendEventDetails> {
    this.#onlyHere(roomId);
    const { event_id } = await this.client.send(type, content, { stickyMs });
    return { roomId: this.client.roomId, eventId: event_id };
  }

  override async sendDelayedEvent(delayMs: number, type: string, content: unknown, stateKey: string | null = null, roomId: string | null = null): Promise<ISendDelayedEventDetails> {
    this.#onlyHere(roomId);
    const { delay_id } = await this.client.send(type, content, { stateKey, delayMs });
    this.#scheduled.add(delay_id);
    return { roomId: this.client.roomId, delayId: delay_id };
  }

  override async sendDelayedStickyEvent(delayMs: number, stickyMs: number, type: string, content: unknown, roomId: string | null = null): Promise<ISendDelayedEventDetails> {
    this.#onlyHere(roomId);
    const { delay_id } = await this.client.send(type, content, { delayMs, stickyMs });
    this.#scheduled.add(delay_id);
    return { roomId: this.client.roomId, delayId: delay_id };
  }

  override async cancelScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.client.updateDelayedEvent(delayId, "cancel");
    this.#scheduled.delete(delayId);
  }

  override async restartScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.client.updateDelayedEvent(delayId, "restart");
  }

  override async sendScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.client.updateDelayedEvent(delayId, "send");
    this.#scheduled.delete(delayId);
  }

  override async sendToDevice(type: string, encrypted: boolean, messages: Record<string, Record<string, object>>): Promise<void> {
    // Sending a key in the clear would be worse than no call.
    if (encrypted) throw new Error("this page cannot encrypt to-device messages");
    await this.client.sendToDevice(type, messages);
  }

  override async readRoomTimeline(roomId: string, type: string, _msgtype: string | undefined, stateKey: string | undefined, limit: number): Promise<IRoomEvent[]> {
    this.#onlyHere(roomId);
    const events = await this.client.timeline(type, Math.min(limit || MAX_TIMELINE, MAX_TIMELINE));
    return events.filter((event) => stateKey === undefined || event.state_key === stateKey);
  }

  override async readRoomState(roomId: string, type: string, stateKey: string | undefined): Promise<IRoomEvent[]> {
    this.#onlyHere(roomId);
    await this.sync.ready;
    return this.sync.stateOfType(type).filter((event) => stateKey === undefined || event.state_key === stateKey);
  }

  override async readStickyEvents(roomId: string): Promise<IRoomEvent[]> {
    this.#onlyHere(roomId);
    await this.sync.ready;
    return this.sync.stickyEvents();
  }

  override async readEventRelations(
    eventId: string,
    roomId?: string,
    relation?: string,
    type?: string,
    from?: string,
    to?: string,
    limit?: number,
    direction?: "f" | "b",
  ): Promise<IReadEventRelationsResult> {
    this.#onlyHere(roomId ?? null);
    const query = new URLSearchParams({ dir: direction ?? "b", limit: String(Math.min(limit ?? MAX_TIMELINE, MAX_TIMELINE)) });
    if (from) query.set("from", from);
    if (to) query.set("to", to);
    const page = await this.client.relations(eventId, query, relation, type);
    return {
      chunk: page.chunk,
      ...(page.next_batch === undefined ? {} : { nextBatch: page.next_batch }),
      ...(page.prev_batch === undefined ? {} : { prevBatch: page.prev_batch }),
    };
  }

  override askOpenID(observer: SimpleObservable<IOpenIDUpdate>): void {
    this.#openIdToken().then(
      (token) => observer.update({ state: OpenIDRequestState.Allowed, token }),
      () => observer.update({ state: OpenIDRequestState.Blocked }),
    );
  }

  override getRtcTransports(): Promise<IRtcTransportsResult> {
    this.#listensOnly = false;
    return this.#transports ?? this.client.rtcTransports();
  }

  override async downloadFile(contentUri: string): Promise<{ file: XMLHttpRequestBodyInit }> {
    return { file: await this.client.download(contentUri) };
  }

  override getKnownRooms(): string[] {
    return [this.client.roomId];
  }

  override processError(error: unknown): IWidgetApiErrorResponseDataDetails | undefined {
    if (!(error instanceof MatrixError)) return undefined;
    return { matrix_api_error: { http_status: error.status, http_headers: {}, url: error.url, response: error.body } };
  }

  /**
   * Element Call 0.26 connects to the media servers of those who are in the call, then to its own; where these are one, it
   * throws the first connection away half made. Such a token can wait until nobody needs it.
   */
  async #openIdToken(): Promise<OpenIdToken> {
    if (this.#listensOnly && (await this.#isEverybodyOnOurServer())) await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
    return (await this.#tokens.shift()) ?? this.client.openIdToken();
  }

  async #isEverybodyOnOurServer(): Promise<boolean> {
    const own = await this.#transports?.catch(() => null);
    const ours = own?.rtc_transports.map((transport) => transport["livekit_service_url"]) ?? [];
    const others = this.sync.stateOfType(CALL_MEMBER).map(({ content }) => content["foci_preferred"] as { livekit_service_url?: string }[] | undefined);
    return others.every((foci) => !foci?.[0] || foci[0].livekit_service_url === ours[0]);
  }

  #onlyHere(roomId: string | null): void {
    if (roomId !== null && roomId !== this.client.roomId) throw new Error("Element Call may only use its own room");
  }
}
