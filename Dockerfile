# One file for every image:
#
#   docker build --build-arg SERVICE=activity -t muster-activity .
#
# SERVICE is presence, activity, notificator, users, conflicts, tasks or gateway, or muster for all in one process.
#
# The binaries of all of them are built here, once for all images. With --build-arg BINARIES=prebuilt they are
# taken from dist/, where `cargo xtask dist` puts them: no other image is needed then. That chore also writes the images
# themselves, without an engine; it reads here what is in them, and knows no RUN below the stage `binaries`.
#
# A service refuses to listen beyond loopback while nothing authenticates callers, also in a container: whoever
# runs an image says MUSTER_INSECURE=true, and publishes its port on 127.0.0.1.

ARG SERVICE=muster
ARG BINARIES=built

FROM rust:1.95 AS binaries-built
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends musl-tools \
    && rm -rf /var/lib/apt/lists/*
RUN rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target cargo xtask dist --binaries

FROM scratch AS binaries-prebuilt
COPY dist /src/dist

# hadolint ignore=DL3006
FROM binaries-${BINARIES} AS binaries

# What differs from service to service. Those that keep something keep it in a volume, so that the root can be read-only.

FROM scratch AS image-presence
LABEL org.opencontainers.image.title="muster-presence" \
    org.opencontainers.image.description="Who is here: a replicated vote for each user"
ENV MUSTER_LISTEN=:9002
EXPOSE 9002
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:9002"]
ENTRYPOINT ["/bin/muster-presence"]

FROM scratch AS image-activity
LABEL org.opencontainers.image.title="muster-activity" \
    org.opencontainers.image.description="What happened: a durable, idempotent event store"
ENV MUSTER_LISTEN=:50051 MUSTER_STORE=sqlite:/data/activity.db
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:50051"]
VOLUME /data
ENTRYPOINT ["/bin/muster-activity"]

FROM scratch AS image-notificator
LABEL org.opencontainers.image.title="muster-notificator" \
    org.opencontainers.image.description="Mail that is never lost"
ENV MUSTER_LISTEN=:8082 MUSTER_STORE=sqlite:/data/notificator.db MUSTER_SMTP=file:/data/mail
EXPOSE 8082
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:8082"]
VOLUME /data
ENTRYPOINT ["/bin/muster-notificator"]

FROM scratch AS image-users
LABEL org.opencontainers.image.title="muster-users" \
    org.opencontainers.image.description="Accounts, each welcomed with a mail"
ENV MUSTER_LISTEN=:8081 MUSTER_STORE=sqlite:/data/users.db
EXPOSE 8081
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:8081"]
VOLUME /data
ENTRYPOINT ["/bin/muster-users"]

FROM scratch AS image-conflicts
LABEL org.opencontainers.image.title="muster-conflicts" \
    org.opencontainers.image.description="Double bookings in calendars"
ENV MUSTER_LISTEN=:7070
EXPOSE 7070
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:7070"]
ENTRYPOINT ["/bin/muster-conflicts"]

FROM scratch AS image-tasks
LABEL org.opencontainers.image.title="muster-tasks" \
    org.opencontainers.image.description="Tasks of users"
ENV MUSTER_LISTEN=:3333 MUSTER_STORE=sqlite:/data/tasks.db
EXPOSE 3333
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:3333"]
VOLUME /data
ENTRYPOINT ["/bin/muster-tasks"]

FROM scratch AS image-gateway
LABEL org.opencontainers.image.title="muster-gateway" \
    org.opencontainers.image.description="The live edge to browsers"
ENV MUSTER_LISTEN=:3080 MUSTER_WEB=:8181
EXPOSE 3080 8181
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:3080"]
ENTRYPOINT ["/bin/muster-gateway"]

FROM scratch AS image-muster
LABEL org.opencontainers.image.title="muster" \
    org.opencontainers.image.description="Building blocks for collaborative applications"
ENV MUSTER_DATA=/data \
    MUSTER_PRESENCE_LISTEN=:9002 \
    MUSTER_ACTIVITY_LISTEN=:50051 \
    MUSTER_NOTIFICATOR_LISTEN=:8801 \
    MUSTER_USERS_LISTEN=:8802 \
    MUSTER_CONFLICTS_LISTEN=:7070 \
    MUSTER_TASKS_LISTEN=:3333 \
    MUSTER_GATEWAY_LISTEN=:3080 \
    MUSTER_GATEWAY_WEB=:8181
EXPOSE 9002 50051 8801 8802 7070 3333 3080 8181
# The users service stands for all: what loses its store for good ends the whole process.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/bin/grpc-health-probe", "-addr=:8802"]
VOLUME /data
ENTRYPOINT ["/bin/muster"]

# What does not.

# hadolint ignore=DL3006
FROM image-${SERVICE}
ARG SERVICE
# The commit that is built: --build-arg REVISION="$(git rev-parse HEAD)".
ARG REVISION=unknown
LABEL org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0 OR MIT"
ENV PATH=/bin MUSTER_ADMIN=:8080
EXPOSE 8080
COPY --from=binaries /src/dist/${SERVICE}/bin /bin
COPY --from=binaries --chown=65532:65532 /src/dist/${SERVICE}/data /data
# SQLite puts its temporary files here where the root is read-only.
WORKDIR /data
USER 65532:65532
