# Builds a static binary from source on an empty image, for amd64 and arm64:
#   podman build --tag REGISTRY/daily-operator:0.1.0 .
# Without a registry for the base image of the build stage, a folder that contains the static binary
# `daily-operator` can replace that stage:
#   podman build --isolation=chroot --build-context build=./out .
# `cargo xtask image` runs the commands of the build stage into this folder, builds the image from it
# and checks both.
FROM docker.io/library/rust:1.95 AS build
# The architecture of the target platform; the builder sets it.
ARG TARGETARCH
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests tests
COPY contract contract
COPY daily-sim daily-sim
COPY testbed testbed
COPY xtask xtask
# With --target the flag does not apply to proc macros, which cannot be static.
RUN case "$TARGETARCH" in \
      amd64) target=x86_64-unknown-linux-gnu ;; \
      arm64) target=aarch64-unknown-linux-gnu ;; \
      *) echo "no image for the architecture '$TARGETARCH': only amd64 and arm64" >&2; exit 1 ;; \
    esac \
 && RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked --package daily-operator --target "$target" \
 && install -D "target/$target/release/daily-operator" "$DESTDIR/daily-operator"

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="daily-operator" \
      org.opencontainers.image.description="Kubernetes operator for Daily.co phone dial-in with a PIN" \
      org.opencontainers.image.vendor="The daily-operator authors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /daily-operator /daily-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/daily-operator"]
CMD ["run"]
