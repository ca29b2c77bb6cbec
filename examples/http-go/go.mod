module kcg.dev/examples/http-go

go 1.24
