package flux

import (
	"errors"
	"fmt"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

// deletesObjects reports whether the objects go with their Kustomization. There
// are none if it could never be worked on.
func deletesObjects(k kustomizev1.Kustomization) bool {
	none := len(knownOf(k.Status.Inventory)) == 0 && rightsRefusal(k) != nil
	if k.Spec.Suspend || none || !slices.Contains(k.Finalizers, Finalizer) {
		return false
	}
	switch k.GetDeletionPolicy() {
	case kustomizev1.DeletionPolicyDelete, kustomizev1.DeletionPolicyWaitForTermination:
		return true
	case kustomizev1.DeletionPolicyOrphan:
		return false
	}
	return k.Spec.Prune
}

// refusal says why the Kustomization can't be worked on: it asks for something
// without which the wrong thing would be applied, or with the wrong rights.
func refusal(k kustomizev1.Kustomization) error {
	return errors.Join(rightsRefusal(k), contentRefusal(k.Spec), sourceRefusal(k))
}

// deletionRefusal says why the objects can't be deleted: only the rights count.
func deletionRefusal(k kustomizev1.Kustomization) error {
	err := rightsRefusal(k)
	if err != nil {
		err = fmt.Errorf("%w\nset spec.deletionPolicy to Orphan to let the Kustomization go and keep its objects", err)
	}
	return err
}

// rightsRefusal is about whose rights are used, and where.
func rightsRefusal(k kustomizev1.Kustomization) error {
	var errs []error
	if k.Spec.ServiceAccountName != "" {
		errs = append(errs, unsupported("serviceAccountName",
			"objects would be written with Fixpoint's own rights; remove the field to accept that"))
	}
	if k.Spec.KubeConfig != nil {
		errs = append(errs, unsupported("kubeConfig", "objects would be written to the wrong cluster"))
	}
	return errors.Join(errs...)
}

// contentRefusal is about what is applied.
func contentRefusal(spec kustomizev1.KustomizationSpec) error {
	d := spec.Decryption
	switch {
	case d == nil:
		return nil
	case d.Provider != providerSOPS:
		return fmt.Errorf("spec.decryption.provider %q is not known: use %s", d.Provider, providerSOPS)
	case d.ServiceAccountName != "":
		return unsupported("decryption.serviceAccountName", "it gets keys from the cloud; name a Secret with keys in spec.decryption.secretRef")
	}
	return nil
}

func unsupported(field, because string) error {
	return fmt.Errorf("spec.%s is not supported yet: %s", field, because)
}

func sourceRefusal(k kustomizev1.Kustomization) error {
	ref := k.Spec.SourceRef
	switch {
	case ref.Kind == sourcev1.ExternalArtifactKind:
		return unsupported("sourceRef.kind ExternalArtifact", "use the source that the artifact is made of")
	case ref.Kind != sourcev1.GitRepositoryKind && ref.Kind != sourcev1.OCIRepositoryKind && ref.Kind != sourcev1.BucketKind:
		return fmt.Errorf("spec.sourceRef.kind %q is not supported: use a GitRepository, an OCIRepository or a Bucket", ref.Kind)
	case ref.Name == "":
		return fmt.Errorf("spec.sourceRef.name is empty: name a %s", ref.Kind)
	case ref.APIVersion != "" && ref.APIVersion != sourcev1.GroupVersion.String():
		return fmt.Errorf("spec.sourceRef.apiVersion %q is not supported: use %s", ref.APIVersion, sourcev1.GroupVersion)
	case k.Spec.Interval.Duration <= 0:
		return errInterval
	}
	return nil
}
