// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** What Element Call may do through us: what a call needs, in its own room, and nothing else. */

const CALL_MEMBER = "org.matrix.msc3401.call.member";

const FLAGS = [
  "m.always_on_screen",
  "org.matrix.msc4039.download_file",
  "org.matrix.msc4157.send.delayed_event",
  "org.matrix.msc4157.update_delayed_event",
  "org.matrix.msc4407.send.sticky_event",
  "org.matrix.msc4407.receive.sticky_event",
  "org.matrix.msc4515.rtc_transports",
];

const SENT_EVENTS = ["org.matrix.msc4075.call.notify", "org.matrix.msc4075.rtc.notification"];

const EXCHANGED_EVENTS = [
  "io.element.call.encryption_keys",
  "io.element.call.reaction",
  "m.reaction",
  "m.room.redaction",
  "org.matrix.msc4143.rtc.member",
  "org.matrix.msc4310.rtc.decline",
];

const READ_STATE = ["m.room.create", "m.room.encryption", "m.room.member", "m.room.name", CALL_MEMBER];

export function approvedCapabilities(roomId: string, userId: string, deviceId: string): Set<string> {
  const memberKeys = [userId, `_${userId}_${deviceId}_m.call`, `${userId}_${deviceId}_m.call`];
  return new Set([
    ...FLAGS,
    `org.matrix.msc2762.timeline:${roomId}`,
    ...[...SENT_EVENTS, ...EXCHANGED_EVENTS].map((type) => `org.matrix.msc2762.send.event:${type}`),
    ...EXCHANGED_EVENTS.map((type) => `org.matrix.msc2762.receive.event:${type}`),
    ...memberKeys.map((key) => `org.matrix.msc2762.send.state_event:${CALL_MEMBER}#${key}`),
    ...READ_STATE.map((type) => `org.matrix.msc2762.receive.state_event:${type}`),
    "org.matrix.msc3819.send.to_device:io.element.call.encryption_keys",
    "org.matrix.msc3819.receive.to_device:io.element.call.encryption_keys",
  ]);
}
