with

training_rows as (

    select * from {{ ref('int_training_rows__screened') }}
    where left_out_reason is null

),

features as (

    select * from {{ ref('int_features') }}

),

final as (

    select
        training_rows.company_number,
        training_rows.accounts_date,
        training_rows.observed_on,
        training_rows.label,
        training_rows.sample_weight,
        {{ split_bucket('training_rows.company_number') }} as split_bucket,
        training_rows.similar_since,
        {{ feature_select_list('features') }}
    from training_rows
    inner join features
        on
            training_rows.company_number = features.company_number
            and training_rows.accounts_date = features.accounts_date

)

select * from final
