# The server alone: an external PostgreSQL is expected, so the optional dependencies (the embedded
# PostgreSQL and a Node.js for older hosts) stay out.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    MEMORYHUB_LISTEN=0.0.0.0:50051 \
    MEMORYHUB_DATA_DIR=/data
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/proto ./proto
COPY --from=build --chown=root:root /app/src ./src
COPY --from=build --chown=root:root /app/dist ./dist
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "src/cli/memory-hub.js", "status", "--check"]
ENTRYPOINT ["node", "src/cli/memory-hub.js"]
CMD ["serve"]
