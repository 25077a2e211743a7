package flux

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxChartFile is the size of a Chart.yaml that is read.
const maxChartFile = 1 << 20

// chartAt is the chart in a directory of a snapshot: its revision is the
// chart's version.
func chartAt(s *model.Snapshot, dir string) (*model.Snapshot, error) {
	meta, err := chartMeta(s.Tree, dir)
	if err != nil {
		return nil, err
	}
	return &model.Snapshot{URL: s.URL, Revision: meta.Version, Metadata: s.Metadata}, nil
}

// chartFile is what is read of a Chart.yaml.
type chartFile struct{ Name, Version string }

func chartMeta(tree model.Tree, dir string) (chartFile, error) {
	var chart chartFile
	name := path.Join(path.Clean("/"+dir), "Chart.yaml")[1:]
	info, err := fs.Stat(tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return chart, model.As(model.ErrNotFound, fmt.Errorf("there is no chart in %q: it has no Chart.yaml", dir))
	case err != nil:
		return chart, fmt.Errorf("reading %s: %w", name, err)
	case info.Size() > maxChartFile:
		return chart, model.Invalidf("%s is larger than %d bytes: no chart needs that", name, maxChartFile)
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return chart, fmt.Errorf("reading %s: %w", name, err)
	}
	if yaml.Unmarshal(data, &chart) != nil || chart.Version == "" {
		return chart, model.Invalidf("%s is no Chart.yaml with a version", name)
	}
	return chart, nil
}
