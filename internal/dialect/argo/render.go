package argo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// rendering reads how the files of one source become objects.
type rendering struct {
	declared
	app  model.AppKey
	spec v1alpha1.ApplicationSpec
	env  Env
	// warnings are what is not honoured, for users.
	warnings []string
}

// render reads all settings. A block of settings that is there decides the tool;
// an empty one is as none, but for a plugin's. Its error begins with the name of
// a field.
func (r *rendering) render() (model.Render, error) {
	out := model.Render{Path: r.Path}
	if r.Chart != "" {
		out.Path = ""
	}
	var err error
	if out.Tool, err = r.tool(); err != nil {
		return out, err
	}
	settings := r.env.Settings
	if settings.isOff(out.Tool) {
		r.warnings = append(r.warnings, fmt.Sprintf("%s.%s is not honoured: %s.enable in ConfigMap %s is false, "+
			"so the files are read as a directory", r.at, out.Tool, out.Tool, configMain))
		out.Tool = model.ToolDirectory
	}
	out.Disabled = settings.off
	if out.Tool == model.ToolDirectory || out.Tool == "" {
		out.Directory = r.directory(r.Directory)
	}
	if out.Tool == model.ToolKustomize || out.Tool == "" {
		if out.Kustomize, err = r.kustomize(r.Kustomize); err != nil {
			return out, err
		}
	}
	if out.Tool == model.ToolHelm || out.Tool == "" {
		if out.Helm, err = r.helm(r.Helm); err != nil {
			return out, err
		}
	}
	if out.Tool == model.ToolPlugin {
		out.Plugin = r.plugin(r.Plugin)
	}
	r.buildEnv(&out)
	return out, nil
}

// tool is the one that the settings name; "" leaves it to what the path holds.
func (r *rendering) tool() (string, error) {
	var named []string
	for _, t := range []struct {
		name  string
		isSet bool
	}{
		{model.ToolHelm, r.Helm != nil && !isZero(*r.Helm)},
		{model.ToolKustomize, r.Kustomize != nil && !isZero(*r.Kustomize)},
		{model.ToolDirectory, r.Directory != nil && !isZero(*r.Directory)},
		{model.ToolPlugin, r.Plugin != nil},
	} {
		if t.isSet {
			named = append(named, t.name)
		}
	}
	switch len(named) {
	case 0:
		return "", nil
	case 1:
		return named[0], nil
	}
	return "", errors.New(named[0] + ": " + strings.Join(named[1:], " and ") + " is set too: keep one of them")
}
