/** The public surface: what an app file imports from `holdfast`. */

export { NameMap } from './host/runtime/name-map.ts';
export { AckTimeoutError, PartialAnswerError } from './server/core/app/answer-errors.ts';
export type {
  Admission,
  App,
  Broadcast,
  DisconnectReason,
  Handshake,
  NamespaceHandlers,
  PresentUser,
  RemoteSession,
  RoomName,
  RoomPresence,
  Server,
  Session,
  SessionPlace,
  TransportName,
  UserPlaces,
} from './server/core/app/app.ts';
export { ack, defineApp } from './server/core/app/app.ts';
export { ClientError } from './server/core/app/client-error.ts';
export { type ServedFilesOptions, serveFiles } from './server/core/app/served-files.ts';
