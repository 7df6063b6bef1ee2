/** A Lua script, and the name under which servers that know it have it. */

export interface LuaScript {
  readonly text: string;
  /** SHA-1 of the text, in hexadecimal. */
  readonly sha: string;
}

export function luaScript(text: string): LuaScript {
  return { text, sha: new Bun.CryptoHasher('sha1').update(text).digest('hex') };
}
