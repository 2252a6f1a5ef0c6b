-- Same columns, same types, same order.
with

columns as (

    select
        table_name,
        column_name,
        data_type,
        row_number() over (partition by table_name order by ordinal_position) as position
    from information_schema.columns
    where
        table_schema = '{{ ref("to_train").schema }}'
        and column_name in (select definitions.feature from {{ ref('feature_definitions') }} as definitions)

),

train as (

    select * from columns
    where table_name = '{{ ref("to_train").identifier }}'

),

predict as (

    select * from columns
    where table_name = '{{ ref("to_predict").identifier }}'

)

select
    train.column_name as train_column,
    predict.column_name as predict_column
from train
full outer join predict
    on
        train.column_name = predict.column_name
        and train.data_type = predict.data_type
        and train.position = predict.position
where train.column_name is null or predict.column_name is null
