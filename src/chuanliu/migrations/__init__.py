"""SQL migrations, applied in order by `chuanliu db migrate`."""
