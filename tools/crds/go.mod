// What the operators say of their own kinds of objects (files, no programs), pinned, for the manifests of those kinds.
// `cargo xtask install` fetches these modules and nothing that they need.
module muster/tools/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
