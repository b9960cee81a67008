# The kernel worker, and with it the command line and the preparation of the servers.
FROM node:24-bookworm-slim AS build
WORKDIR /belay
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY workflows workflows
COPY activities activities
COPY skills skills
COPY workers workers
COPY client client
COPY infra infra
# Every manifest names the lock file of the environment that trained.
COPY gpu-worker/requirements.lock gpu-worker/requirements.lock
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /belay
# The SDK's core checks certificates against the system's.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build --chown=node:node /belay .
USER node
CMD ["node", "--enable-source-maps", "dist/workers/kernel/main.js"]
