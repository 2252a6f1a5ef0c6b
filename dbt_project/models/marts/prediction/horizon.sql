with

horizon as (

    select * from {{ ref('int_horizon') }}

),

to_train as (

    select
        count(*) as to_train_rows,
        coalesce({{ count_where('label = 1') }}, 0) as to_train_positives
    from {{ ref('to_train') }}

),

to_predict as (

    select count(*) as to_predict_rows from {{ ref('to_predict') }}

),

final as (

    select
        horizon.horizon_date,
        horizon.snapshot_month,
        to_train.to_train_rows,
        to_train.to_train_positives,
        to_predict.to_predict_rows
    from horizon
    cross join to_train
    cross join to_predict

)

select * from final
