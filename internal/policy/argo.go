package policy

import "slices"

// Argo are the rules of an Argo CD that nobody has configured: the kinds are left
// out that controllers write in great numbers, and nobody declares.
func Argo() Rules {
	return Rules{Excluded: func(group, kind string) string {
		for _, k := range argoExcluded {
			if slices.Contains(k.groups, group) && slices.Contains(k.kinds, kind) {
				return "objects of its kind are made by controllers"
			}
		}
		return ""
	}}
}

var argoExcluded = []struct{ groups, kinds []string }{
	{[]string{"", "discovery.k8s.io"}, []string{"Endpoints", "EndpointSlice"}},
	{[]string{"coordination.k8s.io"}, []string{"Lease"}},
	{[]string{"authentication.k8s.io", "authorization.k8s.io"}, []string{
		"SelfSubjectReview", "TokenReview", "LocalSubjectAccessReview",
		"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}},
	{[]string{"certificates.k8s.io"}, []string{"CertificateSigningRequest"}},
	{[]string{"cert-manager.io"}, []string{"CertificateRequest"}},
	{[]string{"cilium.io"}, []string{"CiliumIdentity", "CiliumEndpoint", "CiliumEndpointSlice"}},
	{[]string{"kyverno.io", "reports.kyverno.io", "wgpolicyk8s.io"}, []string{
		"PolicyReport", "ClusterPolicyReport", "EphemeralReport", "ClusterEphemeralReport",
		"AdmissionReport", "ClusterAdmissionReport", "BackgroundScanReport",
		"ClusterBackgroundScanReport", "UpdateRequest"}},
}
