package flux

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// remotePatience bounds the reads of one Remote.
const remotePatience = 30 * time.Second

// Remote completes a source that a render of an app asks for: the repository of
// a chart dependency has the credentials of the HelmRepository with the same
// URL, or with the name of @name and alias:name, in the namespace that the chart
// comes from. Everything else is as it is: Flux has no credentials for it.
// model.ErrNotFound if no HelmRepository has that name.
func (c *Controller) Remote(app model.AppKey, src model.Source) (model.Source, error) {
	if app.Dialect != HelmDialect {
		return src, nil
	}
	ctx, done := context.WithTimeout(context.Background(), remotePatience)
	defer done()
	namespace, err := c.chartNamespace(ctx, app)
	if err != nil {
		return model.Source{}, err
	}
	list := newList(sourcev1.HelmRepositoryKind)
	if err := c.sources.Cache.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return model.Source{}, fmt.Errorf("listing HelmRepositories: %w", err)
	}
	alias, named := aliasOf(src.URL)
	for i := range list.Items {
		d := SourceOf(&list.Items[i], nil)
		if d.Invalid != nil || named && d.Name != alias || !named && !sameURL(d.Source.URL, src.URL) {
			continue
		}
		d.signedAsIn(d)
		contents, err := Read(ctx, c.sources.Live, d.Refs())
		if err != nil {
			return model.Source{}, err
		}
		found, err := d.With(contents)
		if err != nil {
			return model.Source{}, err
		}
		found.Chart, found.Ref, found.Suspended = src.Chart, src.Ref, false
		return found, nil
	}
	if named {
		return model.Source{}, model.As(model.ErrNotFound, fmt.Errorf("there is no HelmRepository %s/%s: create it", namespace, alias))
	}
	return src, nil
}

// chartNamespace is the namespace of the source of a HelmRelease's chart.
func (c *Controller) chartNamespace(ctx context.Context, app model.AppKey) (string, error) {
	hr, err := c.sources.cached(ctx, object{helmv2.HelmReleaseKind, types.NamespacedName{Namespace: app.Namespace, Name: app.Name}})
	if err != nil || hr == nil {
		return app.Namespace, err
	}
	return chartNamespaceOf(hr), nil
}

func chartNamespaceOf(hr *unstructured.Unstructured) string {
	if name, err := chartSource(hr); err == nil {
		return name.Namespace
	}
	return hr.GetNamespace()
}

// aliasOf reads the name of a repository as charts refer to it.
func aliasOf(address string) (string, bool) {
	for _, prefix := range []string{"@", "alias:"} {
		if name, ok := strings.CutPrefix(address, prefix); ok {
			return name, true
		}
	}
	return "", false
}

// sameURL compares two URLs of repositories, whatever the case of the host and
// slashes at the end.
func sameURL(a, b string) bool {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	return err == nil && err2 == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Host, y.Host) &&
		strings.TrimRight(x.Path, "/") == strings.TrimRight(y.Path, "/")
}
