package view

import "context"

type judgedKey struct{}

// WithJudged is the context of a deed that was permitted for an app as it was then.
func WithJudged(ctx context.Context, app *App) context.Context {
	return context.WithValue(ctx, judgedKey{}, app)
}

// JudgedOf is the app that a deed was permitted for, as it was then; nil where nobody's
// rights were asked for. What the app has become meanwhile may be for others to decide.
func JudgedOf(ctx context.Context) *App {
	app, _ := ctx.Value(judgedKey{}).(*App)
	return app
}
