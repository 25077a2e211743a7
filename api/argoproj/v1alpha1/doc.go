// Package v1alpha1 are the Go types of argoproj.io/v1alpha1 Application, field
// by field as Argo CD has them. It holds no logic.
//
// Fields are those of Argo CD, so that kubectl explain helps with all of them;
// which of them are honoured is the business of internal/dialect/argo. Unknown
// fields are preserved, so that one can be warned about instead of vanishing.
//
// +kubebuilder:object:generate=true
// +groupName=argoproj.io
package v1alpha1

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.22.0 object paths=.
//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.22.0 crd paths=. output:crd:dir=../../../deploy/crds
