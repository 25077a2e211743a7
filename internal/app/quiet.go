package app

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
)

// bridge gives libraries that log by logr and klog our logger.
func bridge(log *slog.Logger) logr.Logger { return logr.FromSlogHandler(quiet{log.Handler()}) }

// quiet leaves out what libraries tell about their ordinary work, unless every
// detail is asked for.
type quiet struct{ slog.Handler }

// Enabled lets through warnings and errors.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, level) && (level >= slog.LevelWarn || q.Handler.Enabled(ctx, slog.LevelDebug))
}

// WithAttrs keeps it quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup keeps it quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
