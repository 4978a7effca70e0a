// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** A device of an account, without what proves that one is its owner. */
export interface Account {
  user_id: string;
  device_id: string;
  base_url: string;
}

export interface MatrixEvent {
  type: string;
  sender: string;
  event_id: string;
  room_id: string;
  state_key?: string;
  origin_server_ts: number;
  content: Record<string, unknown>;
  unsigned: Record<string, unknown>;
}

export interface OpenIdToken {
  access_token: string;
  token_type: string;
  matrix_server_name: string;
  expires_in: number;
}

/** The homeserver's answer to a refused request, kept whole: Element Call reads it. */
export class MatrixError extends Error {
  constructor(
    readonly status: number,
    readonly body: { errcode: string; error: string; [more: string]: unknown },
    readonly url: string,
  ) {
    super(body.error);
  }
}

const V3 = "/_matrix/client/v3";
const DELAYED_EVENTS = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
const segment = encodeURIComponent;

export interface SendOptions {
  stateKey?: string | null;
  /** Milliseconds until the homeserver sends it by itself (MSC4140). */
  delayMs?: number;
  /** Milliseconds for which the event stays in every sync (MSC4354). */
  stickyMs?: number;
}

/** The parts of the Matrix client-server API that a call needs, for one account and one room; asks wait for `authorise`. */
export class MatrixClient {
  #transactions = 0;
  readonly #token: Promise<string>;
  /** Takes the access token of the account, once there is one. */
  authorise!: (accessToken: string) => void;

  constructor(
    readonly account: Account,
    readonly roomId: string,
  ) {
    this.#token = new Promise((resolve) => (this.authorise = resolve));
  }

  async request<T>(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<T> {
    const url = this.account.base_url.replace(/\/$/, "") + path;
    const headers: Record<string, string> = { Authorization: `Bearer ${await this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(url, { ...init, method, headers, body: body === undefined ? null : JSON.stringify(body) });
    const answer: unknown = await response.json().catch(() => ({}));
    if (!response.ok) {
      const refused = { errcode: "M_UNKNOWN", error: `HTTP ${response.status}`, ...(answer as object) };
      throw new MatrixError(response.status, refused, url);
    }
    return answer as T;
  }

  /** Sends a message or state event; the answer has `event_id`, or `delay_id` when it was delayed. */
  send(type: string, content: unknown, options: SendOptions = {}): Promise<{ event_id: string; delay_id: string }> {
    const query = new URLSearchParams();
    if (options.delayMs !== undefined) query.set("org.matrix.msc4140.delay", String(options.delayMs));
    if (options.stickyMs !== undefined) query.set("org.matrix.msc4354.sticky_duration_ms", String(options.stickyMs));
    const room = `${V3}/rooms/${segment(this.roomId)}`;
    const path =
      options.stateKey === undefined || options.stateKey === null
        ? `${room}/send/${segment(type)}/${this.#transaction()}`
        : `${room}/state/${segment(type)}/${segment(options.stateKey)}`;
    return this.request("PUT", query.size ? `${path}?${query.toString()}` : path, content);
  }

  updateDelayedEvent(delayId: string, action: "cancel" | "restart" | "send", init: RequestInit = {}): Promise<unknown> {
    return this.request("POST", `${DELAYED_EVENTS}/${segment(delayId)}/${action}`, {}, init);
  }

  sendToDevice(type: string, messages: unknown): Promise<unknown> {
    return this.request("PUT", `${V3}/sendToDevice/${segment(type)}/${this.#transaction()}`, { messages });
  }

  openIdToken(): Promise<OpenIdToken> {
    return this.request("POST", `${V3}/user/${segment(this.account.user_id)}/openid/request_token`, {});
  }

  rtcTransports(): Promise<{ rtc_transports: { type: string }[] }> {
    return this.request("GET", "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports");
  }

  async timeline(type: string, limit: number): Promise<MatrixEvent[]> {
    const query = new URLSearchParams({ dir: "b", limit: String(limit), filter: JSON.stringify({ types: [type] }) });
    const page = await this.request<{ chunk: MatrixEvent[] }>("GET", `${V3}/rooms/${segment(this.roomId)}/messages?${query.toString()}`);
    return page.chunk;
  }

  async relations(eventId: string, query: URLSearchParams, relation?: string, type?: string): Promise<{ chunk: MatrixEvent[]; next_batch?: string; prev_batch?: string }> {
    const kind = [relation, relation === undefined ? undefined : type].filter((part) => part !== undefined);
    const tail = kind.map((part) => `/${segment(part)}`).join("");
    const room = `/_matrix/client/v1/rooms/${segment(this.roomId)}`;
    return this.request("GET", `${room}/relations/${segment(eventId)}${tail}?${query.toString()}`);
  }

  /** A file of the media store, with our token (MSC3916). */
  async download(contentUri: string): Promise<Blob> {
    const [server, id] = contentUri.replace(/^mxc:\/\//, "").split("/");
    if (!contentUri.startsWith("mxc://") || !server || !id) throw new Error("not a Matrix content address");
    const url = `${this.account.base_url.replace(/\/$/, "")}/_matrix/client/v1/media/download/${segment(server)}/${segment(id)}`;
    const response = await fetch(url, { headers: { Authorization: `Bearer ${await this.#token}` } });
    if (!response.ok) throw new MatrixError(response.status, { errcode: "M_UNKNOWN", error: `HTTP ${response.status}` }, url);
    return response.blob();
  }

  invite(userId: string): Promise<unknown> {
    return this.request("POST", `${V3}/rooms/${segment(this.roomId)}/invite`, { user_id: userId });
  }

  kick(userId: string, reason: string): Promise<unknown> {
    return this.request("POST", `${V3}/rooms/${segment(this.roomId)}/kick`, { user_id: userId, reason });
  }

  #transaction(): string {
    return `p${Date.now()}.${this.#transactions++}`;
  }
}
