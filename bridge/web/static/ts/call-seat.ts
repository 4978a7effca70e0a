// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { CallWidget } from "./call-widget";
import { element } from "./dom";
import { type Account, MatrixClient } from "./matrix-client";
import { RoomSync } from "./room-sync";

/** Who somebody is in a call, and in which room: all that Element Call has to know to start. */
export interface Seat extends Account {
  room_id: string;
}

/**
 * Element Call in its frame, and the room behind it. Both may be made before the account is there: then Element Call starts
 * out of sight, as far as it gets without a room, and `authorise` lets both go on.
 */
export class CallSeat {
  readonly sync: RoomSync;
  readonly widget: CallWidget;

  constructor(readonly seat: Seat) {
    this.sync = new RoomSync(new MatrixClient(seat, seat.room_id));
    const stage = element("view-call");
    stage.hidden = false;
    stage.classList.add("stage-warming");
    stage.inert = true;
    this.widget = new CallWidget(element("widget"), this.sync, document.body.dataset["lang"] ?? "en");
  }

  /** Whether this was made for the seat that somebody got. */
  fits(seat: Seat): boolean {
    const keys = ["user_id", "device_id", "base_url", "room_id"] as const;
    return keys.every((key) => this.seat[key] === seat[key]);
  }

  authorise(accessToken: string): void {
    this.sync.client.authorise(accessToken);
  }

  stop(): void {
    this.widget.stop();
    this.sync.stop();
  }
}
