with

prediction_rows as (

    select * from {{ ref('int_prediction_rows__screened') }}
    where left_out_reason is null

),

features as (

    select * from {{ ref('int_features') }}

),

final as (

    select
        prediction_rows.company_number,
        prediction_rows.accounts_date,
        prediction_rows.observed_on,
        prediction_rows.similar_since is not null as is_eligible,
        case
            when prediction_rows.similar_since is null then 'not in a similar group'
        end as ineligible_reason,
        {{ split_bucket('prediction_rows.company_number') }} as split_bucket,
        prediction_rows.similar_since,
        {{ feature_select_list('features') }}
    from prediction_rows
    inner join features
        on
            prediction_rows.company_number = features.company_number
            and prediction_rows.accounts_date = features.accounts_date

)

select * from final
