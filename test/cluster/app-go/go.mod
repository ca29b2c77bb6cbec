module kcg.dev/test/cluster/app-go

go 1.24
