# The server alone: an external PostgreSQL is expected (DATABASE_URL), so the optional dependencies,
# which are the embedded PostgreSQL and a Node.js for older hosts, stay out.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

# With everything: the bundler is a platform's own binary, an optional dependency of its package.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY src ./src
# Without its entry a bundle is never found older than the sources, and nothing tries to build it again.
RUN npm run build && rm src/tui/main.tsx src/server/main.ts src/server/workers/worker.ts src/server/preparation/program.ts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    MEMORYHUB_LISTEN=0.0.0.0:50051 \
    MEMORYHUB_DATA_DIR=/data
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY proto ./proto
COPY --from=build /app/src ./src
COPY --from=build /app/dist ./dist
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "src/cli/memory-hub.js", "status", "--check"]
ENTRYPOINT ["node", "src/cli/memory-hub.js"]
CMD ["serve"]
