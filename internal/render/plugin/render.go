package plugin

import (
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// Render makes objects of what the app's plugin writes. A plugin may read all
// that is below dir, so all of it is noted as read.
func Render(in *input.Inputs, dir string) ([]model.Object, error) {
	if in.Hooks.Plugin == nil {
		return nil, model.As(model.ErrDenied, errors.New("no plugins can be run here; "+
			"plugins are run by a controller that was started with --plugins"))
	}
	if err := in.Files.Prefetch(dir); err != nil {
		return nil, err
	}
	if err := noting(in.Files).dir(dir, 0, 0); err != nil {
		return nil, err
	}
	if _, err := in.KubeVersion(); err != nil {
		return nil, err
	}
	if _, err := in.APIVersions(); err != nil {
		return nil, err
	}
	output, err := in.Hooks.Plugin(in.Context(), dir)
	if err != nil {
		in.Unsettled()
		return nil, err
	}
	return decode(in, output)
}

// decode reads a plugin's output. What would be skipped in a file is an error
// here: nothing but manifests is expected.
func decode(in *input.Inputs, output []byte) ([]model.Object, error) {
	var malformed error
	d := manifest.Decoder{
		File:  "output of the plugin",
		Warnf: in.Warnf,
		Malformed: func(place, format string) {
			malformed = model.Invalidf("%s: neither a manifest nor any other %s; write messages to standard error", place, format)
		},
	}
	objects, err := d.Objects(output)
	if err == nil {
		err = malformed
	}
	return objects, err
}
