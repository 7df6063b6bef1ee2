/** Why a message of a stranger is not taken; the text completes "it". */

export class ForeignFault extends Error {
  override readonly name: string = 'ForeignFault';
}
