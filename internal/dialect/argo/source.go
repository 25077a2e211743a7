package argo

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// declared is a source as an Application has it.
type declared struct {
	v1alpha1.ApplicationSource
	// at is the field that it is in, such as "spec.sources[1]".
	at string
}

// sourcesOf reads where the content comes from and how it is rendered, into
// app.Sources and what it returns. While the app is being deleted, nothing of it
// is a problem.
func sourcesOf(app *model.App, spec v1alpha1.ApplicationSpec, env Env, p *problems) []model.Source {
	if app.Deleting {
		p = new(problems)
	}
	all, err := declaredSources(spec)
	if p.add(err); err != nil {
		return []model.Source{{}}
	}
	app.Sources = make([]model.AppSource, len(all))
	sources := make([]model.Source, len(all))
	for i, d := range all {
		own := &app.Sources[i]
		own.Key = sourceKey(app.Key, i)
		own.Ref = d.Ref
		own.FilesOnly = d.Ref != "" && d.Path == "" && d.Chart == ""
		var texts []string
		if sources[i], texts, err = env.Settings.source(d, project(spec.Project)); err != nil {
			p.add(fmt.Errorf("%s.%w", d.at, err))
		}
		sources[i].Suspended = app.Suspended
		app.Warnings = append(app.Warnings, warnings(texts)...)
		if own.FilesOnly {
			app.Warnings = append(app.Warnings, warnings(d.idle())...)
			continue
		}
		r := rendering{declared: d, app: app.Key, spec: spec, env: env}
		if own.Render, err = r.render(); err != nil {
			p.add(fmt.Errorf("%s.%w", d.at, err))
		}
		own.Render.Overrides = r.overridden()
		app.Warnings = append(app.Warnings, warnings(r.warnings)...)
	}
	return sources
}

// idle warns of settings of a source that renders nothing.
func (d declared) idle() []string {
	if d.Helm == nil && d.Kustomize == nil && d.Directory == nil && d.Plugin == nil {
		return nil
	}
	return []string{d.at + " renders nothing, since it has a ref and neither path nor chart: its settings for a tool are not honoured"}
}

// declaredSources are those that count of the three fields that there are.
func declaredSources(spec v1alpha1.ApplicationSpec) ([]declared, error) {
	switch {
	case spec.SourceHydrator != nil:
		return nil, errors.New("spec.sourceHydrator is not supported yet: use spec.source with the hydrated branch")
	case len(spec.Sources) == 0 && spec.Source == nil:
		return nil, errors.New("spec.source.repoURL is required: name the repository")
	case len(spec.Sources) == 0:
		one := declared{*spec.Source, "spec.source"}
		one.Ref = "" // there is nobody to refer to it
		return []declared{one}, nil
	}
	var all []declared
	refs := map[string]bool{}
	for i, s := range spec.Sources {
		d := declared{s, fmt.Sprintf("spec.sources[%d]", i)}
		switch {
		case s.Ref != "" && !refName.MatchString(s.Ref):
			return nil, fmt.Errorf("%s.ref: %q has other characters than letters, digits, - and _", d.at, s.Ref)
		case refs[s.Ref]:
			return nil, fmt.Errorf("%s.ref: there is another source with the ref %q: give each its own", d.at, s.Ref)
		}
		refs[s.Ref] = s.Ref != ""
		all = append(all, d)
	}
	return all, nil
}

var refName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// source is where a declared source's content comes from, for an app of that
// project, with warnings. An error begins with the name of a field and a colon;
// the source has no URL then.
func (s *Settings) source(d declared, project string) (model.Source, []string, error) {
	if d.RepoURL == "" {
		return model.Source{}, nil, errors.New("repoURL is required: name the repository")
	}
	if d.Chart != "" && strings.TrimSpace(d.TargetRevision) == "" {
		return model.Source{}, nil, errors.New("targetRevision is required for a chart: write its version, or * for the newest")
	}
	src := model.Source{URL: d.RepoURL, Chart: d.Chart, Interval: s.interval()}
	a := s.identify(&src, project)
	if a.refused != nil {
		return model.Source{}, a.unsupported, fmt.Errorf("repoURL: %w", a.refused)
	}
	src.Ref = refOf(d.TargetRevision, src.Kind)
	src.Git.Submodules = src.Kind == model.SourceGit && !s.noSubmodules
	src.Auth.PassCredentials = d.Helm != nil && d.Helm.PassCredentials && src.Kind == model.SourceHelm
	texts := a.unsupported
	switch {
	case d.TagPrefix == "":
	case src.Kind != model.SourceGit:
		texts = append(texts, d.at+".tagPrefix counts only for Git repositories")
	case isVersion(d.TargetRevision) || isConstraint(d.TargetRevision):
		src.Ref = model.Ref{SemVer: strings.TrimSpace(d.TargetRevision), TagPrefix: d.TagPrefix}
	default:
		texts = append(texts, d.at+".tagPrefix counts only where targetRevision is a version or a range of versions")
	}
	if d.Chart != "" && strings.Trim(d.Path, "./") != "" {
		texts = append(texts, d.at+".path is not honoured together with chart: the chart's folder is rendered")
	}
	return src, texts, nil
}

// identify completes a source that has a URL, and Chart if it is one: its kind,
// the form of its URL and all that is known of the repository.
func (s *Settings) identify(src *model.Source, project string) access {
	a := s.access(project, src.URL, src.Chart != "")
	switch {
	case isOCI(src.URL) || (src.Chart != "" && (a.oci || !strings.Contains(src.URL, "://"))):
		src.Kind = model.SourceOCI
		src.URL = ociScheme + withoutScheme(src.URL)
		src.OCI.Insecure = a.plainHTTP
	case src.Chart != "":
		src.Kind = model.SourceHelm
	default:
		src.Kind = model.SourceGit
		src.Git.LFS = a.lfs
	}
	src.Auth, src.Proxy = a.auth, a.proxy
	return a
}
