// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff";
import { MatrixClient, MatrixError, type MatrixEvent } from "./matrix-client";

const LONG_POLL_MS = 20_000;
/** A poll that answers neither in time nor at all is a dead connection. */
const GIVE_UP_MS = LONG_POLL_MS + 15_000;
/** stops: a page that stays open for days from keeping every sticky event that was ever sent. */
const MAX_STICKY = 1_000;

/** A homeserver of several processes may need a moment until it shows a room that was just joined. */
const MAX_ABSENT = 4;

type RawEvent = Omit<MatrixEvent, "room_id"> & { msc4354_sticky?: unknown };

interface SyncAnswer {
  next_batch: string;
  to_device?: { events?: RawEvent[] };
  rooms?: {
    join?: Record<
      string,
      {
        timeline?: { events?: RawEvent[] };
        state?: { events?: RawEvent[] };
        "org.matrix.msc4222.state_after"?: { events?: RawEvent[] };
        msc4354_sticky?: { events?: RawEvent[] };
      }
    >;
    leave?: Record<string, unknown>;
  };
}

export interface RoomListener {
  /** State as it is now, one event at a time; also for each event of the first answer, with `initial`. */
  onState(event: MatrixEvent, initial: boolean): void;
  onTimeline(event: MatrixEvent): void;
  onToDevice(event: MatrixEvent): void;
  onConnection(connected: boolean): void;
  /** We may no longer read the room: signed out, removed, or never in it. */
  onLost(): void;
}

/** Follows one room by /sync (with MSC4222's state after the timeline) until stopped, through any outage. */
export class RoomSync {
  readonly #state = new Map<string, MatrixEvent>();
  readonly #sticky = new Map<string, MatrixEvent>();
  readonly #stop = new AbortController();
  #ready!: () => void;
  /** Resolves with the first answer, when the room's state is known. */
  readonly ready = new Promise<void>((resolve) => (this.#ready = resolve));

  constructor(readonly client: MatrixClient) {}

  start(listener: RoomListener): void {
    void this.#run(listener);
  }

  stop(): void {
    this.#stop.abort();
  }

  state(type: string, stateKey = ""): MatrixEvent | undefined {
    return this.#state.get(`${type}\u0000${stateKey}`);
  }

  stateOfType(type: string): MatrixEvent[] {
    return [...this.#state.values()].filter((event) => event.type === type);
  }

  stickyEvents(): MatrixEvent[] {
    return [...this.#sticky.values()];
  }

  /** The power level of a user here (room version 12: creators are above all levels). */
  powerLevel(userId: string): number {
    const create = this.state("m.room.create");
    const additional = (create?.content["additional_creators"] ?? []) as string[];
    if (create?.content["room_version"] === "12" && (create.sender === userId || additional.includes(userId))) return Infinity;
    const levels = this.state("m.room.power_levels")?.content ?? {};
    const users = (levels["users"] ?? {}) as Record<string, number>;
    return users[userId] ?? (levels["users_default"] as number | undefined) ?? 0;
  }

  async #run(listener: RoomListener): Promise<void> {
    const backoff = new Backoff();
    let since: string | null = null;
    let connected = true;
    let absent = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const answer: SyncAnswer = await this.#poll(since);
        if (!connected) listener.onConnection((connected = true));
        if (since === null && !answer.rooms?.join?.[this.client.roomId] && absent++ < MAX_ABSENT) {
          await backoff.wait(this.#stop.signal);
          continue;
        }
        backoff.reset();
        if (!this.#take(answer, since === null, listener)) return;
        since = answer.next_batch;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof MatrixError && (error.status === 401 || error.status === 403)) {
          listener.onLost();
          return;
        }
        if (connected) listener.onConnection((connected = false));
        await backoff.wait(this.#stop.signal);
      }
    }
  }

  #poll(since: string | null): Promise<SyncAnswer> {
    // At first the state alone says what there is; a sticky event that is not in the timeline comes beside it.
    const room = { rooms: [this.client.roomId], timeline: { limit: since === null ? 1 : 50 }, ephemeral: { types: [] }, account_data: { types: [] } };
    const query = new URLSearchParams({
      timeout: String(since === null ? 0 : LONG_POLL_MS),
      "org.matrix.msc4222.use_state_after": "true",
      filter: JSON.stringify({ room, presence: { types: [] }, account_data: { types: [] } }),
    });
    if (since !== null) query.set("since", since);
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(GIVE_UP_MS)]);
    return this.client.request("GET", `/_matrix/client/v3/sync?${query.toString()}`, undefined, { signal });
  }

  #take(answer: SyncAnswer, initial: boolean, listener: RoomListener): boolean {
    for (const event of answer.to_device?.events ?? []) listener.onToDevice({ ...event, room_id: "" });
    const room = answer.rooms?.join?.[this.client.roomId];
    if (!room) {
      const gone = initial || answer.rooms?.leave?.[this.client.roomId] !== undefined;
      if (gone) listener.onLost();
      return !gone;
    }
    const here = (event: RawEvent): MatrixEvent => ({ ...event, room_id: this.client.roomId });
    const after = room["org.matrix.msc4222.state_after"];
    const timeline = (room.timeline?.events ?? []).map(here);
    // A homeserver without MSC4222 gives the state before the timeline, so the timeline's own state follows it.
    const state = after ? (after.events ?? []).map(here) : [...(room.state?.events ?? []).map(here), ...timeline];
    for (const event of state) {
      if (event.state_key === undefined) continue;
      this.#state.set(`${event.type}\u0000${event.state_key}`, event);
    }
    const sticky = [...(room.msc4354_sticky?.events ?? []), ...(room.timeline?.events ?? []).filter((event) => event.msc4354_sticky)];
    for (const event of sticky.map(here)) this.#sticky.set(event.event_id, event);
    for (const id of this.#sticky.keys()) {
      if (this.#sticky.size <= MAX_STICKY) break;
      this.#sticky.delete(id);
    }
    if (initial) this.#ready();
    for (const event of state) if (event.state_key !== undefined) listener.onState(event, initial);
    if (!initial) {
      for (const event of (room.msc4354_sticky?.events ?? []).map(here)) listener.onTimeline(event);
      for (const event of timeline) listener.onTimeline(event);
    }
    return true;
  }
}
