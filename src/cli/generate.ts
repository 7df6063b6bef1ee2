/** `holdfast generate`: writes what an operator needs around a node, from its config and host. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../host/config/schema.ts';
import { whyUnread } from '../host/foreign/named-file.ts';
import { type FrontOptions, STICKINESS } from '../host/generate/front.ts';
import { CliError } from './cli-error.ts';
import { addConfigOptions, configOf } from './config-options.ts';
import { print, printJson } from './output.ts';

/** Options of one kind of file, by the names commander gives them. */
type Own = Readonly<Record<string, unknown>>;

interface Kind {
  readonly name: string;
  readonly description: string;
  readonly options?: readonly Option[];
  readonly examples: string;
  /** Loads what it needs by itself: the other commands have no use for it. */
  readonly text: (config: Config, own: Own) => Promise<string>;
}

const FRONT: readonly Option[] = [
  new Option('--listen <address>', 'Where the proxy listens: a port, or address:port (80 or 443).'),
  new Option('--certificate <file>', 'The proxy speaks TLS with this certificate.'),
  new Option(
    '--upstream <host...>',
    'Hosts of the nodes as the proxy sees them, with a port (host:port) where it is not that of ' +
      'the config; without it the node is on its own host.',
  ),
  new Option('--upstream-ca <file>', 'Who signed the certificates of nodes that speak TLS.'),
  new Option('--sticky <how>', 'Has clients come to the same worker again; none have to.')
    .choices(STICKINESS)
    .default('none'),
];

const IMAGE = new Option('--image <name>', 'The image that is run.').default(
  `holdfast:${packageJson.version}`,
);

const KINDS: readonly Kind[] = [
  {
    name: 'haproxy',
    description: 'A configuration of HAProxy in front of the node.',
    options: FRONT,
    examples:
      '  holdfast generate haproxy --config holdfast.yaml --out /etc/haproxy/haproxy.cfg\n' +
      '  holdfast generate haproxy --broker redis://10.0.0.9 --upstream 10.0.0.5 10.0.0.6',
    async text(config, own) {
      const { haproxyText } = await import('../host/generate/haproxy.ts');
      return haproxyText(config, await factsOf(config), frontOptions(own));
    },
  },
  {
    name: 'nginx',
    description: 'A configuration of nginx in front of the node, as a whole nginx.conf.',
    options: FRONT,
    examples:
      '  holdfast generate nginx --config holdfast.yaml --out /etc/nginx/nginx.conf\n' +
      '  holdfast generate nginx --certificate /etc/nginx/site.pem --max-sessions-per-address 20',
    async text(config, own) {
      const { nginxText } = await import('../host/generate/nginx.ts');
      return nginxText(config, await factsOf(config), frontOptions(own));
    },
  },
  {
    name: 'systemd',
    description: 'A unit of systemd that runs the node, with limits, sandbox and restart.',
    examples:
      '  holdfast generate systemd --config holdfast.yaml ' +
      '--out /etc/systemd/system/holdfast.service\n' +
      '  holdfast generate systemd --connections 200000 --app /srv/app/app.ts',
    async text(config) {
      const { systemdText } = await import('../host/generate/systemd.ts');
      const { serviceFacts } = await import('./generate-facts.ts');
      return systemdText(config, serviceFacts(config));
    },
  },
  {
    name: 'sysctl',
    description: 'Kernel settings for the connections that the node is to hold on this host.',
    examples:
      '  holdfast generate sysctl --connections 200000 --out /etc/sysctl.d/90-holdfast.conf',
    async text(config) {
      const { sysctlText } = await import('../host/generate/sysctl.ts');
      const { diagnosisFor } = await import('./generate-facts.ts');
      return sysctlText(diagnosisFor(config));
    },
  },
  {
    name: 'kubernetes',
    description: 'Deployment, Service, PodDisruptionBudget and autoscaler of Kubernetes.',
    options: [IMAGE],
    examples: '  holdfast generate kubernetes --config holdfast.yaml --image example.com/chat:7',
    async text(config, own) {
      const { kubernetesText } = await import('../host/generate/kubernetes.ts');
      return kubernetesText(config, { image: String(own['image']) });
    },
  },
  {
    name: 'dockerfile',
    description: 'A Dockerfile of the node with its app and config.',
    examples: '  holdfast generate dockerfile --app app.ts --out Dockerfile',
    async text(config) {
      const { dockerfileText } = await import('../host/generate/dockerfile.ts');
      return dockerfileText(config, packageJson.version);
    },
  },
  {
    name: 'compose',
    description: 'A compose file that runs the image of the node.',
    options: [IMAGE],
    examples: '  holdfast generate compose --config holdfast.yaml --out compose.yaml',
    async text(config, own) {
      const { composeText } = await import('../host/generate/compose.ts');
      const { serviceFacts } = await import('./generate-facts.ts');
      return composeText(config, serviceFacts(config), String(own['image']));
    },
  },
  {
    name: 'prometheus',
    description: 'Alerts of Prometheus on the metrics of the node.',
    examples: '  holdfast generate prometheus --config holdfast.yaml --out holdfast-alerts.yaml',
    async text(config) {
      const { prometheusText } = await import('../host/generate/prometheus.ts');
      return prometheusText(config);
    },
  },
  {
    name: 'grafana',
    description: 'A dashboard of Grafana on the metrics of the node, to be imported.',
    examples: '  holdfast generate grafana --config holdfast.yaml --out holdfast-dashboard.json',
    async text(config) {
      const { grafanaText } = await import('../host/generate/grafana.ts');
      return grafanaText(config);
    },
  },
];

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('Write what a node needs around it: proxy, service and the like.')
    .addHelpText(
      'after',
      '\nEach takes the config as "holdfast start" does, by --config, variables and flags.\n' +
        '\nExample:\n  holdfast generate haproxy --config holdfast.yaml --out haproxy.cfg',
    );
  for (const kind of KINDS) command.addCommand(commandOf(kind));
  return command;
}

function commandOf(kind: Kind): Command {
  const command = new Command(kind.name).description(kind.description);
  for (const option of kind.options ?? []) command.addOption(option);
  const own = new Set(command.options.map((option) => option.attributeName()));
  command
    .option('--out <file>', 'Write it to this file instead of printing it.')
    .option('--json', 'Print it as JSON: kind and text, or kind and file.');
  return addConfigOptions(command)
    .addHelpText('after', `\nExamples:\n${kind.examples}`)
    .action(async ({ config: file, out, json, ...rest }) => {
      const given = Object.entries(rest as Own);
      const flags = given.filter(([name]) => !own.has(name));
      const config = configOf(file, Object.fromEntries(flags) as Record<string, string>);
      const text = await refusedInWords(() => kind.text(config, rest));
      if (out !== undefined) write(out, text);
      const made = out === undefined ? { kind: kind.name, text } : { kind: kind.name, file: out };
      if (json) await printJson(made);
      else await print(out === undefined ? text.trimEnd() : `${out} is written.`);
    });
}

/** What a generator refuses is a sentence for the user. */
async function refusedInWords(work: () => Promise<string>): Promise<string> {
  const { GenerateError } = await import('../host/generate/deployment.ts');
  try {
    return await work();
  } catch (error) {
    if (error instanceof GenerateError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliError(`${file} cannot be written (${whyUnread(error)}).`, { cause: error });
  }
}

async function factsOf(config: Config) {
  const { hostFacts } = await import('./generate-facts.ts');
  return hostFacts(config);
}

function frontOptions(own: Own): FrontOptions {
  const { listen, certificate, upstream, upstreamCa, sticky } = own as {
    readonly listen?: string;
    readonly certificate?: string;
    readonly upstream?: readonly string[];
    readonly upstreamCa?: string;
    readonly sticky: FrontOptions['sticky'];
  };
  return { listen, certificate, upstreams: upstream, upstreamCa, sticky };
}
