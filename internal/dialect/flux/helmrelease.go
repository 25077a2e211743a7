package flux

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// honouredAction are the fields that install and upgrade share.
var honouredAction = fields{
	"crds": nil, "disableHooks": nil, "disableSchemaValidation": nil, "disableTakeOwnership": nil, "disableWait": nil,
	"disableWaitForJobs": nil, "strategy": nil, "serverSideApply": nil, "timeout": nil,
}

func with(base fields, more fields) fields {
	out := maps.Clone(base)
	maps.Copy(out, more)
	return out
}

// honouredHelmRelease are the fields of a HelmRelease's spec.
var honouredHelmRelease = fields{
	"chart": {
		"metadata": {"labels": nil, "annotations": nil},
		"spec": {
			"chart": nil, "ignoreMissingValuesFiles": nil, "interval": nil, "reconcileStrategy": nil,
			"sourceRef":   {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},
			"valuesFiles": nil, "verify": nil, "version": nil,
		},
	},
	"chartRef":           {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},
	"commonMetadata":     {"labels": nil, "annotations": nil},
	"dependsOn":          {"name": nil, "namespace": nil},
	"driftDetection":     {"mode": nil},
	"install":            with(honouredAction, fields{"createNamespace": nil, "replace": nil, "skipCRDs": nil}),
	"interval":           nil,
	"kubeConfig":         nil,
	"persistentClient":   nil,
	"postRenderStrategy": nil,
	"postRenderers":      {"kustomize": {"images": honouredImage, "patches": honouredPatch}},
	"releaseName":        nil,
	"serviceAccountName": nil,
	"suspend":            nil,
	"targetNamespace":    nil,
	"timeout":            nil,
	"uninstall":          {"deletionPropagation": nil, "disableHooks": nil, "disableWait": nil, "timeout": nil},
	"upgrade":            with(honouredAction, fields{"force": nil, "preserveValues": nil, "chartNameChangeStrategy": nil}),
	"values":             nil,
	"valuesFrom":         {"kind": nil, "literal": nil, "name": nil, "optional": nil, "targetPath": nil, "valuesKey": nil},
	"waitStrategy":       nil,
}

// HelmRelease is what the HelmRelease asks for, given the chart that it names
// (see ChartOf) and what RefsOf it hold. As Kustomization, it never fails.
func HelmRelease(obj *unstructured.Unstructured, chart Declaration, in Contents) model.App {
	app := model.App{
		Key:        appKeyOf(helmv2.HelmReleaseKind, obj.GetNamespace(), obj.GetName()),
		Generation: obj.GetGeneration(),
		Manager:    HelmManager,
	}
	spec, _, _ := unstructured.NestedMap(obj.Object, "spec")
	app.Warnings = slices.Concat(fieldWarnings(helmv2.HelmReleaseKind, spec, honouredHelmRelease), chart.Warnings)

	hr, err := helmReleaseOf(obj)
	if err != nil {
		app.Spec = specDigest(spec, in.digest())
		app.Invalid = model.As(model.ErrInvalid, err)
		return app
	}
	app.Secrets = in.secrets()
	source, err := helmSource(hr, chart, in)
	app.Sources = []model.AppSource{source}
	app.Spec = specDigest(spec, in.digest(), chart.content())
	app.Namespace = releaseNamespace(hr)
	app.Labels, app.Annotations = helmMetadata(hr)
	app.Sync = helmSync(hr)
	app.Health = model.HealthRules{All: !hr.GetInstall().DisableWait && !hr.GetUpgrade().DisableWait}
	app.Suspended = hr.Spec.Suspend
	app.DependsOn = dependenciesOf(helmv2.HelmReleaseKind, hr.Namespace, hr.Spec.DependsOn)
	app.Known = helmKnown(hr.Status.Inventory)
	app.Applied = helmApplied(hr.Status)
	app.Last = lastRelease(hr)
	app.Deletion = deletionOf(hr)
	switch {
	case hr.DeletionTimestamp == nil:
		app.Invalid = cmp.Or(model.As(model.ErrInvalid, helmRefusal(hr)), err)
	case !hr.Spec.Suspend && slices.Contains(hr.Finalizers, Finalizer) && (len(app.Known) > 0 || helmRights(hr) == nil):
		app.Invalid = model.As(model.ErrInvalid, helmRights(hr))
		app.Deleting = app.Invalid == nil
	}
	return app
}

// helmReleaseOf decodes the object. A status that can't be read counts as none.
func helmReleaseOf(obj *unstructured.Unstructured) (helmv2.HelmRelease, error) {
	var hr helmv2.HelmRelease
	if decode(obj.Object, &hr) == nil {
		return hr, nil
	}
	hr = helmv2.HelmRelease{}
	withoutStatus := maps.Clone(obj.Object)
	delete(withoutStatus, "status")
	return hr, decode(withoutStatus, &hr)
}

// helmSource is the chart and how it is rendered. The error is about the values
// or the chart.
func helmSource(hr helmv2.HelmRelease, chart Declaration, in Contents) (model.AppSource, error) {
	values, err := valuesOf(hr, in)
	source := model.AppSource{Key: chart.Key(), Render: model.Render{Tool: model.ToolHelm}}
	if chart.Of != "" {
		source.Key, source.Render.Path = chart.Of, chart.Path
	}
	if m := hr.Spec.CommonMetadata; m != nil {
		source.Render.Labels, source.Render.Annotations = m.Labels, m.Annotations
	}
	install, upgrade := hr.GetInstall(), hr.GetUpgrade()
	source.Render.Helm = model.Helm{
		Release:                 releaseName(hr),
		Namespace:               releaseNamespace(hr),
		Defaults:                chart.ValueFiles,
		IgnoreMissingValueFiles: chart.IgnoreMissing,
		Values:                  values,
		SkipTests:               true, // tests are run on demand, and not applied
		SkipHooks:               install.DisableHooks && upgrade.DisableHooks,
		SkipSchemaValidation:    install.DisableSchemaValidation || upgrade.DisableSchemaValidation,
		Upgrade:                 isUpgrade(hr),
		Lookup:                  true,
		Post:                    postRenderers(hr.Spec.PostRenderers),
		PostHooks:               string(hr.Spec.PostRenderStrategy),
	}
	crdPolicy(hr, &source.Render.Helm)
	return source, err
}

// isUpgrade reports whether what is installed was made by an upgrade, of those
// that Flux has done: the chart is to come out as it is. What Fixpoint installs
// stays an install, since a chart must not change for having been installed.
func isUpgrade(hr helmv2.HelmRelease) bool {
	latest := hr.Status.History.Latest()
	return latest != nil && latest.Version > 1
}

func postRenderers(renderers []helmv2.PostRenderer) []model.Kustomize {
	var out []model.Kustomize
	for _, r := range renderers {
		if r.Kustomize != nil {
			out = append(out, model.Kustomize{Images: imagesOf(r.Kustomize.Images), Patches: patchesOf(r.Kustomize.Patches)})
		}
	}
	return out
}

// crdPolicy says what becomes of the chart's crds folder. Installs and upgrades
// are not told apart: what either asks for is done.
func crdPolicy(hr helmv2.HelmRelease, h *model.Helm) {
	install, upgrade := hr.GetInstall(), hr.GetUpgrade()
	onInstall := cmp.Or(install.CRDs, helmv2.Create)
	if install.SkipCRDs && install.CRDs == "" {
		onInstall = helmv2.Skip
	}
	switch {
	case upgrade.CRDs == helmv2.CreateReplace:
	case onInstall == helmv2.Skip && cmp.Or(upgrade.CRDs, helmv2.Skip) == helmv2.Skip:
		h.SkipCRDs = true
	default:
		h.CRDAnnotations = map[string]string{CRDAnnotation: string(helmv2.Create)}
	}
}

// helmMetadata is what Helm marks the objects of a release with.
func helmMetadata(hr helmv2.HelmRelease) (labels, annotations map[string]string) {
	return map[string]string{"app.kubernetes.io/managed-by": "Helm"}, map[string]string{
		"meta.helm.sh/release-name":      releaseName(hr),
		"meta.helm.sh/release-namespace": releaseNamespace(hr),
	}
}

// helmSync are the rules of writing. Drift is corrected where that is asked for,
// and no rule excepts a field from it.
func helmSync(hr helmv2.HelmRelease) model.Sync {
	drift := hr.GetDriftDetection()
	timeout := hr.GetTimeout()
	return model.Sync{
		Auto:            true,
		Prune:           true,
		SelfHeal:        drift.GetMode() == helmv2.DriftDetectionEnabled && len(drift.Ignore) == 0,
		AllowEmpty:      hr.Annotations[AllowEmptyAnnotation] == "true",
		CreateNamespace: hr.GetInstall().CreateNamespace,
		Defaults:        model.Traits{Validate: model.Yes}, // a field that nobody knows is refused
		Recreate:        hr.GetUpgrade().Force,

		Retry:    helmRetry(hr),
		Interval: hr.Spec.Interval.Duration,
		Timeout:  max(hr.GetInstall().GetTimeout(timeout).Duration, hr.GetUpgrade().GetTimeout(timeout).Duration),
	}
}

// helmRetry repeats what fails for ever: at the pause that RetryOnFailure asks
// for, else at one that grows to the interval.
func helmRetry(hr helmv2.HelmRelease) model.Retry {
	for _, retry := range []helmv2.Retry{hr.GetUpgrade().GetRetry(false), hr.GetInstall().GetRetry(false)} {
		if retry != nil {
			return model.Retry{Limit: -1, Base: retry.GetRetryInterval(), Factor: 1}
		}
	}
	return model.Retry{Limit: -1, Base: 10 * time.Second, Factor: 2, Max: max(hr.Spec.Interval.Duration, 10*time.Second)}
}

// deletionOf is how the objects go with their release.
func deletionOf(hr helmv2.HelmRelease) string {
	switch hr.GetUninstall().GetDeletionPropagation() {
	case "foreground":
		return model.Foreground
	case "orphan":
		return model.Orphan
	}
	return model.Background
}

// helmRefusal says why the HelmRelease can't be worked on.
func helmRefusal(hr helmv2.HelmRelease) error {
	var errs []error
	if hr.GetUpgrade().PreserveValues {
		errs = append(errs, unsupported("upgrade.preserveValues", "values of earlier releases would be lost; write them into spec.values"))
	}
	if (hr.Spec.Chart == nil) == (hr.Spec.ChartRef == nil) {
		errs = append(errs, errors.New("one of spec.chart and spec.chartRef has to be set"))
	}
	if hr.Spec.Interval.Duration <= 0 {
		errs = append(errs, errInterval)
	}
	return errors.Join(helmRights(hr), errors.Join(errs...))
}

// helmRights is about whose rights are used, and where.
func helmRights(hr helmv2.HelmRelease) error {
	var errs []error
	if hr.Spec.ServiceAccountName != "" {
		errs = append(errs, unsupported("serviceAccountName",
			"objects would be written with Fixpoint's own rights; remove the field to accept that"))
	}
	if hr.Spec.KubeConfig != nil {
		errs = append(errs, unsupported("kubeConfig", "objects would be written to the wrong cluster"))
	}
	return errors.Join(errs...)
}
