package argo

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Keys of argocd-cm that say which kinds are managed.
const (
	keyExclusions = "resource.exclusions"
	keyInclusions = "resource.inclusions"
)

// kinds are kinds of objects in some clusters.
type kinds struct{ groups, kinds, clusters globs }

func (k kinds) match(cluster, group, kind string) bool {
	return k.groups.match(group) && k.kinds.match(kind) && k.clusters.match(cluster)
}

// managed says which kinds are managed. The zero value is an Argo CD that nobody
// has configured.
type managed struct {
	configured bool // excluded stands for the default
	excluded   []kinds
	included   []kinds // none is every kind
}

// Excluded says why objects of a kind are not managed in a cluster, which is
// named as App.Target; "" if they are.
func (s *Settings) Excluded(cluster, group, kind string) string {
	if cluster == "" {
		cluster = InClusterServer
	}
	for _, k := range neverManaged {
		if k.match(cluster, group, kind) {
			return "objects of its kind tell what happened, and can't be declared"
		}
	}
	if !s.managed.configured {
		for _, k := range defaultExclusions {
			if k.match(cluster, group, kind) {
				return "objects of its kind are made by controllers"
			}
		}
	}
	for _, k := range s.managed.excluded {
		if k.match(cluster, group, kind) {
			return fmt.Sprintf("its kind is excluded by %s of ConfigMap %s", keyExclusions, configMain)
		}
	}
	for _, k := range s.managed.included {
		if k.match(cluster, group, kind) {
			return ""
		}
	}
	if len(s.managed.included) > 0 {
		return fmt.Sprintf("its kind is not among %s of ConfigMap %s", keyInclusions, configMain)
	}
	return ""
}

// neverManaged are events and measurements.
var neverManaged = mustKinds([]filter{
	{Groups: []string{"events.k8s.io", "metrics.k8s.io"}},
	{Groups: []string{""}, Kinds: []string{"Event"}},
})

// defaultExclusions are the kinds that Argo CD leaves out by default since v3:
// controllers write them, in great numbers, and nobody declares them.
var defaultExclusions = mustKinds([]filter{
	{Groups: []string{"", "discovery.k8s.io"}, Kinds: []string{"Endpoints", "EndpointSlice"}},
	{Groups: []string{"coordination.k8s.io"}, Kinds: []string{"Lease"}},
	{Groups: []string{"authentication.k8s.io", "authorization.k8s.io"}, Kinds: []string{
		"SelfSubjectReview", "TokenReview", "LocalSubjectAccessReview",
		"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}},
	{Groups: []string{"certificates.k8s.io"}, Kinds: []string{"CertificateSigningRequest"}},
	{Groups: []string{"cert-manager.io"}, Kinds: []string{"CertificateRequest"}},
	{Groups: []string{"cilium.io"}, Kinds: []string{"CiliumIdentity", "CiliumEndpoint", "CiliumEndpointSlice"}},
	{Groups: []string{"kyverno.io", "reports.kyverno.io", "wgpolicyk8s.io"}, Kinds: []string{
		"PolicyReport", "ClusterPolicyReport", "EphemeralReport", "ClusterEphemeralReport",
		"AdmissionReport", "ClusterAdmissionReport", "BackgroundScanReport",
		"ClusterBackgroundScanReport", "UpdateRequest"}},
})

// filter is an element of the two keys' lists.
type filter struct {
	Groups   []string `json:"apiGroups"`
	Kinds    []string `json:"kinds"`
	Clusters []string `json:"clusters"`
}

func mustKinds(filters []filter) []kinds {
	out, err := kindsOf(filters)
	if err != nil {
		panic(err)
	}
	return out
}

func kindsOf(filters []filter) ([]kinds, error) {
	var out []kinds
	for i, f := range filters {
		var k kinds
		var err error
		for _, part := range []struct {
			name string
			from []string
			to   *globs
		}{{"apiGroups", f.Groups, &k.groups}, {"kinds", f.Kinds, &k.kinds}, {"clusters", f.Clusters, &k.clusters}} {
			if *part.to, err = readGlobs(part.from); err != nil {
				return nil, fmt.Errorf("entry %d: %s: %w", i+1, part.name, err)
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// readKinds reads which kinds are managed. A list that can't be read leaves what
// there would be without it.
func readKinds(data map[string]string, add func(key string, err error)) managed {
	var out managed
	read := func(key string) ([]kinds, bool) {
		text, set := data[key]
		if !set {
			return nil, false
		}
		var filters []filter
		if err := yaml.Unmarshal([]byte(text), &filters); err != nil {
			add(key, fmt.Errorf("not a list of apiGroups, kinds and clusters: %w", err))
			return nil, false
		}
		list, err := kindsOf(filters)
		add(key, err)
		return list, err == nil
	}
	out.excluded, out.configured = read(keyExclusions)
	out.included, _ = read(keyInclusions)
	return out
}
