/**
 * An emulator of EC2 on loopback: the server of moto, which is a program of Python that tests do
 * not install. It knows accounts, instances and tags, and starts nothing.
 */

import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-ec2';
import { within } from './raw-deadline.ts';

const START_TIMEOUT_MS = 30_000;
const PROGRAM = Bun.which('moto_server');

/** Why there can be none here; empty where there can. */
export const NO_EMULATOR: string =
  PROGRAM === null ? "moto_server is not installed: pip install 'moto[server]'" : '';

/** Any image that it knows. */
export const IMAGE = 'ami-12c6146b';

export interface Seen {
  readonly id: string;
  readonly state: string;
  readonly tags: Readonly<Record<string, string>>;
}

export class Ec2Emulator implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>;
  #url = '';

  private constructor() {
    this.#child = Bun.spawn([PROGRAM ?? '', '-H', '127.0.0.1', '-p', '0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  static async start(): Promise<Ec2Emulator> {
    const emulator = new Ec2Emulator();
    await within('the emulator listens', emulator.#listens(), START_TIMEOUT_MS);
    return emulator;
  }

  /**
   * What has a command use it, and reach nothing else: its instances have addresses of strangers,
   * which a proxy that is not there keeps from being asked.
   */
  env(home: string): Readonly<Record<string, string>> {
    return {
      HOME: home,
      AWS_ENDPOINT_URL: this.#url,
      AWS_ACCESS_KEY_ID: 'a-key-of-a-test',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-a-test',
      AWS_CONFIG_FILE: join(home, 'no-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'no-credentials'),
      HTTP_PROXY: 'http://127.0.0.1:1',
    };
  }

  client(region: string): sdk.EC2Client {
    const credentials = { accessKeyId: 'other', secretAccessKey: 'other' };
    return new sdk.EC2Client({ region, endpoint: this.#url, credentials });
  }

  /** Instances that somebody else started. */
  async addOthers(
    region: string,
    count: number,
    tags: Readonly<Record<string, string>>,
  ): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await this.client(region).send(
      new sdk.RunInstancesCommand({
        ...{ MinCount: count, MaxCount: count, ImageId: IMAGE, InstanceType: 't3.small' },
        ...(Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: 'instance', Tags }] }),
      }),
    );
  }

  /** All instances of a region, whoever started them. */
  async seen(region: string): Promise<readonly Seen[]> {
    const found: Seen[] = [];
    const client = this.client(region);
    for await (const page of sdk.paginateDescribeInstances({ client }, {})) {
      for (const { Instances = [] } of page.Reservations ?? []) {
        for (const { InstanceId = '', State, Tags = [] } of Instances) {
          const tags = Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
          found.push({ id: InstanceId, state: State?.Name ?? '', tags });
        }
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#child.exited;
  }

  async #listens(): Promise<void> {
    const decoder = new TextDecoder();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let text = '';
    const follow = async (): Promise<void> => {
      for await (const chunk of this.#child.stderr) {
        if (this.#url !== '') continue;
        text += decoder.decode(chunk, { stream: true });
        this.#url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1] ?? '';
        if (this.#url !== '') resolve();
      }
      reject(new Error(`the emulator ended: ${text}`));
    };
    void follow();
    await promise;
  }
}
