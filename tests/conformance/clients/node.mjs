// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0
// Clients in Node: livekit-server-sdk, called with one line of JSON each: {id, verb, arguments} → {id, value | error}.

import { createInterface } from "node:readline";
import { DataPacket_Kind, RoomServiceClient, WebhookReceiver } from "livekit-server-sdk";

const room = (info) => ({ sid: info.sid, name: info.name, metadata: info.metadata, emptyTimeout: info.emptyTimeout, participants: info.numParticipants });
const person = (info) => ({
  sid: info.sid, identity: info.identity, name: info.name, metadata: info.metadata, attributes: info.attributes,
  publishes: info.permission?.canPublish ?? true, tracks: info.tracks.map((track) => ({ sid: track.sid, muted: track.muted })),
});

let service, receiver;

const verbs = {
  open(http, key, secret) {
    service = new RoomServiceClient(http, key, secret);
    receiver = new WebhookReceiver(key, secret);
  },
  create_room: async (name, { empty_timeout, metadata } = {}) => room(await service.createRoom({ name, emptyTimeout: empty_timeout, metadata })),
  list_rooms: async (names) => (await service.listRooms(names)).map(room),
  delete_room: (name) => service.deleteRoom(name),
  list_participants: async (name) => (await service.listParticipants(name)).map(person),
  get_participant: async (name, identity) => person(await service.getParticipant(name, identity)),
  remove_participant: (name, identity) => service.removeParticipant(name, identity),
  mute_track: async (name, identity, sid, muted) => (await service.mutePublishedTrack(name, identity, sid, muted)).muted,
  update_participant: async (name, identity, { metadata, attributes, publish, ...rest }) =>
    person(await service.updateParticipant(name, identity, {
      metadata, attributes, name: rest.name,
      permission: publish === undefined ? undefined : { canPublish: publish, canSubscribe: true, canPublishData: true },
    })),
  update_subscriptions: (name, identity, sids, wanted) => service.updateSubscriptions(name, identity, sids, wanted),
  send_data: (name, text, { to, topic }) =>
    service.sendData(name, new TextEncoder().encode(text), DataPacket_Kind.RELIABLE, { destinationIdentities: to, topic }),
  update_room_metadata: async (name, metadata) => room(await service.updateRoomMetadata(name, metadata)),
  forward_participant: (name, identity, to) => service.forwardParticipant(name, identity, to),
  move_participant: (name, identity, to) => service.moveParticipant(name, identity, to),
  async receive(body, authorization) {
    const event = await receiver.receive(body, authorization);
    return { event: event.event, room: event.room?.name ?? "", identity: event.participant?.identity ?? "", track: event.track?.sid ?? "" };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, arguments: values } = JSON.parse(line);
  Promise.resolve()
    .then(() => verbs[verb](...values))
    .then((value) => ({ id, value: value ?? null }))
    .catch((error) => ({ id, error: { code: error.code ?? error.name, status: error.status ?? null, text: error.message } }))
    .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
